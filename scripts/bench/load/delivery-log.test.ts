import { Ledger } from './delivery-log.ts';

const rev = (generation: number, digit = 'a'): string => `${generation}-${digit.repeat(32)}`;
const spread = (...times: readonly number[]) =>
  expect.objectContaining({ count: times.length, max: Math.max(...times) }) as unknown;

let ledger: Ledger;
beforeEach(() => {
  ledger = new Ledger();
});

it('a write is told when its user’s client has its revision, from its sending and from its acknowledgement', () => {
  const write = ledger.sent(1, 2, 100);
  ledger.acknowledged(write, rev(2), 103);
  expect(ledger.open).toBe(1);
  ledger.told(1, [rev(2)], 110);
  expect(ledger.open).toBe(0);
  expect(ledger.close()).toEqual({ fromSent: spread(10), fromAcknowledged: spread(7), lost: 0, mistold: 0 });
});

it('a row that overtakes the acknowledgement counts, with nothing after it', () => {
  const write = ledger.sent(1, 2, 100);
  ledger.told(1, [rev(2)], 104);
  ledger.acknowledged(write, rev(2), 109);
  expect(ledger.close()).toEqual({ fromSent: spread(4), fromAcknowledged: spread(0), lost: 0, mistold: 0 });
});

it('a later revision tells of the earlier ones as well', () => {
  ledger.acknowledged(ledger.sent(1, 2, 0), rev(2), 1);
  ledger.acknowledged(ledger.sent(1, 3, 10), rev(3), 11);
  ledger.told(1, [rev(3)], 20);
  expect(ledger.close()).toMatchObject({ fromSent: { count: 2, median: 10, max: 20 }, lost: 0, mistold: 0 });
});

it.each([
  ['another user’s row', 2, rev(2)],
  ['a row of an earlier revision', 1, rev(1)],
])('%s tells nothing', (_what, user, told) => {
  ledger.acknowledged(ledger.sent(1, 2, 0), rev(2), 1);
  ledger.told(user, [told], 5);
  expect(ledger.open).toBe(1);
  expect(ledger.close()).toEqual({ fromSent: undefined, fromAcknowledged: undefined, lost: 1, mistold: 0 });
});

it('a write that the database did not take is not lost', () => {
  ledger.failed(ledger.sent(1, 2, 0));
  expect(ledger.open).toBe(0);
  expect(ledger.close()).toMatchObject({ fromSent: undefined, lost: 0 });
});

it('a revision that nobody wrote is noticed', () => {
  ledger.acknowledged(ledger.sent(1, 2, 0), rev(2), 1);
  ledger.told(1, [rev(2, 'b')], 5);
  expect(ledger.close()).toMatchObject({ mistold: 1 });
});

it('what was closed is not counted again', () => {
  ledger.acknowledged(ledger.sent(1, 2, 0), rev(2), 1);
  ledger.close();
  ledger.told(1, [rev(2)], 9);
  expect(ledger.close()).toEqual({ fromSent: undefined, fromAcknowledged: undefined, lost: 0, mistold: 0 });
});
