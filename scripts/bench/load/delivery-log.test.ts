import { DeliveryLog } from './delivery-log.ts';

const rev = (generation: number, digit = 'a'): string => `${generation}-${digit.repeat(32)}`;
const spread = (...times: readonly number[]) =>
  expect.objectContaining({ count: times.length, max: Math.max(...times) }) as unknown;

let deliveryLog: DeliveryLog;
beforeEach(() => {
  deliveryLog = new DeliveryLog();
});

it('a write is told when its user’s client has its revision, from its sending and from its acknowledgement', () => {
  const write = deliveryLog.recordSent(1, 2, 100);
  deliveryLog.recordAcknowledged(write, rev(2), 103);
  expect(deliveryLog.pendingCount).toBe(1);
  deliveryLog.recordDelivered(1, [rev(2)], 110);
  expect(deliveryLog.pendingCount).toBe(0);
  expect(deliveryLog.takeResult()).toEqual({ fromSent: spread(10), fromAcknowledged: spread(7), lost: 0, wrongRevision: 0 });
});

it('a row that overtakes the acknowledgement counts, with nothing after it', () => {
  const write = deliveryLog.recordSent(1, 2, 100);
  deliveryLog.recordDelivered(1, [rev(2)], 104);
  deliveryLog.recordAcknowledged(write, rev(2), 109);
  expect(deliveryLog.takeResult()).toEqual({ fromSent: spread(4), fromAcknowledged: spread(0), lost: 0, wrongRevision: 0 });
});

it('a later revision tells of the earlier ones as well', () => {
  deliveryLog.recordAcknowledged(deliveryLog.recordSent(1, 2, 0), rev(2), 1);
  deliveryLog.recordAcknowledged(deliveryLog.recordSent(1, 3, 10), rev(3), 11);
  deliveryLog.recordDelivered(1, [rev(3)], 20);
  expect(deliveryLog.takeResult()).toMatchObject({ fromSent: { count: 2, median: 10, max: 20 }, lost: 0, wrongRevision: 0 });
});

it.each([
  ['another user’s row', 2, rev(2)],
  ['a row of an earlier revision', 1, rev(1)],
])('%s tells nothing', (_what, user, told) => {
  deliveryLog.recordAcknowledged(deliveryLog.recordSent(1, 2, 0), rev(2), 1);
  deliveryLog.recordDelivered(user, [told], 5);
  expect(deliveryLog.pendingCount).toBe(1);
  expect(deliveryLog.takeResult()).toEqual({ fromSent: undefined, fromAcknowledged: undefined, lost: 1, wrongRevision: 0 });
});

it('a write that the database did not take is not lost', () => {
  deliveryLog.recordFailed(deliveryLog.recordSent(1, 2, 0));
  expect(deliveryLog.pendingCount).toBe(0);
  expect(deliveryLog.takeResult()).toMatchObject({ fromSent: undefined, lost: 0 });
});

it('a revision that nobody wrote is noticed', () => {
  deliveryLog.recordAcknowledged(deliveryLog.recordSent(1, 2, 0), rev(2), 1);
  deliveryLog.recordDelivered(1, [rev(2, 'b')], 5);
  expect(deliveryLog.takeResult()).toMatchObject({ wrongRevision: 1 });
});

it('what was closed is not counted again', () => {
  deliveryLog.recordAcknowledged(deliveryLog.recordSent(1, 2, 0), rev(2), 1);
  deliveryLog.takeResult();
  deliveryLog.recordDelivered(1, [rev(2)], 9);
  expect(deliveryLog.takeResult()).toEqual({ fromSent: undefined, fromAcknowledged: undefined, lost: 0, wrongRevision: 0 });
});
