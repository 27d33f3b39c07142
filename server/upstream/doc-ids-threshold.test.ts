import { defaultDocIdsThreshold, docIdsThresholdOf } from './doc-ids-threshold.ts';

test.each([
  ['3.4.0', 1_000],
  ['3.4.3', 1_000],
  ['3.5.1', 1_000],
  ['3.10.0', 1_000],
  ['4.0.0-rc.1', 1_000],
  ['3.3.3', 100],
  ['3.0.0', 100],
  ['2.3.1', 100],
  ['', 100],
  ['latest', 100],
  [undefined, 100],
])('the default of version %s is %i', (version, threshold) => {
  expect(defaultDocIdsThreshold(version)).toBe(threshold);
});

test.each([
  [undefined, 1_000],
  ['', 1_000],
  ['many', 1_000],
  ['10 ids', 1_000],
  ['10', 10],
  ['0', 0],
  ['-1', -1],
  ['5000', 5_000],
])('a setting of %s on CouchDB 3.4 has the effect of %i', (text, threshold) => {
  expect(docIdsThresholdOf(text, '3.4.3')).toBe(threshold);
});
