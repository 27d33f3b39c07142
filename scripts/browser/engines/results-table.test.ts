import { formatTable } from './results-table.ts';

test('has a row for each step and a column for each browser', () => {
  const table = formatTable(
    ['sign in', 'reload'],
    [
      { title: 'Firefox 153', results: [{ outcome: 'passed', note: '12 ms' }, { outcome: 'failed' }] },
      { title: 'webkit', results: [{ outcome: 'skipped' }, { outcome: 'skipped' }] },
    ],
  );
  expect(table.split('\n')).toEqual([
    '         Firefox 153  webkit',
    'sign in  12 ms        skipped',
    'reload   failed       skipped',
  ]);
});
