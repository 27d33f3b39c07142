import { createRefusalLog } from './refusal-log.ts';

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

it('logs one line per second with the counts by reason, and one when refusals have ended', () => {
  const counts = { busy: 0, connections: 0 };
  const lines: unknown[][] = [];
  const onRefusal = createRefusalLog(() => counts, { warn: (...line: unknown[]) => void lines.push(line) });
  const refuse = (count: number): void => {
    for (let n = 0; n < count; n += 1) {
      counts.busy += 1;
      onRefusal();
    }
  };
  refuse(1_000);
  jest.advanceTimersByTime(1_000);
  refuse(500);
  counts.connections += 1;
  onRefusal();
  jest.advanceTimersByTime(1_000);
  const sentence = 'Requests or connections were refused in the last second.';
  expect(lines.splice(0)).toEqual([
    [{ refused: { busy: 1_000 } }, sentence],
    [{ refused: { busy: 500, connections: 1 } }, sentence],
  ]);
  jest.advanceTimersByTime(10_000);
  expect(lines.splice(0)).toEqual([['No longer refusing requests.']]);
  refuse(1);
  jest.advanceTimersByTime(1_000);
  expect(lines).toEqual([[{ refused: { busy: 1 } }, sentence]]);
});
