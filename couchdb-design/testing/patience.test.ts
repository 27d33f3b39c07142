import type { scaleMs } from './patience.ts';

test('a bound is a whole number of milliseconds, at whatever patience', () => {
  const { TEST_PATIENCE: before } = process.env;
  try {
    for (const patience of ['1', '1.1', '3.3', '7.77']) {
      process.env['TEST_PATIENCE'] = patience;
      jest.isolateModules(() => {
        const { scaleMs: scale } = jest.requireActual<{ scaleMs: typeof scaleMs }>('./patience.ts');
        for (const ms of [180_000, 100, 7]) {
          expect(Number.isInteger(scale(ms))).toBe(true);
          expect(scale(ms)).toBeGreaterThanOrEqual(ms * Number(patience));
        }
      });
    }
  } finally {
    if (before === undefined) delete process.env['TEST_PATIENCE'];
    else process.env['TEST_PATIENCE'] = before;
  }
});
