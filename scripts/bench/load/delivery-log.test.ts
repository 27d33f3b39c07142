import { DeliveryLog } from './delivery-log.ts';

const rev = (generation: number, digit = 'a'): string => `${generation}-${digit.repeat(32)}`;
const summary = (...times: readonly number[]) =>
  expect.objectContaining({ count: times.length, max: Math.max(...times) }) as unknown;

let deliveryLog: DeliveryLog;
beforeEach(() => {
  deliveryLog = new DeliveryLog();
});

it('measures the delivery of a write from its sending and from its acknowledgement', () => {
  const write = deliveryLog.recordSent(1, 2, 100);
  deliveryLog.recordAcknowledged(write, rev(2), 103);
  expect(deliveryLog.pendingCount).toBe(1);
  deliveryLog.recordDelivered(1, [rev(2)], 110);
  expect(deliveryLog.pendingCount).toBe(0);
  expect(deliveryLog.takeResult()).toEqual({
    fromSent: summary(10),
    fromAcknowledged: summary(7),
    lost: 0,
    wrongRevision: 0,
  });
});

it('counts a row that arrives before the acknowledgement as delivered 0 ms after it', () => {
  const write = deliveryLog.recordSent(1, 2, 100);
  deliveryLog.recordDelivered(1, [rev(2)], 104);
  deliveryLog.recordAcknowledged(write, rev(2), 109);
  expect(deliveryLog.takeResult()).toEqual({
    fromSent: summary(4),
    fromAcknowledged: summary(0),
    lost: 0,
    wrongRevision: 0,
  });
});

it('counts a later revision as the delivery of all earlier ones', () => {
  deliveryLog.recordAcknowledged(deliveryLog.recordSent(1, 2, 0), rev(2), 1);
  deliveryLog.recordAcknowledged(deliveryLog.recordSent(1, 3, 10), rev(3), 11);
  deliveryLog.recordDelivered(1, [rev(3)], 20);
  expect(deliveryLog.takeResult()).toMatchObject({
    fromSent: { count: 2, median: 10, max: 20 },
    lost: 0,
    wrongRevision: 0,
  });
});

it.each([
  ['a row of another user', 2, rev(2)],
  ['a row of an earlier revision', 1, rev(1)],
])('does not count %s as a delivery', (_row, user, delivered) => {
  deliveryLog.recordAcknowledged(deliveryLog.recordSent(1, 2, 0), rev(2), 1);
  deliveryLog.recordDelivered(user, [delivered], 5);
  expect(deliveryLog.pendingCount).toBe(1);
  expect(deliveryLog.takeResult()).toEqual({
    fromSent: undefined,
    fromAcknowledged: undefined,
    lost: 1,
    wrongRevision: 0,
  });
});

it('does not count a write that the database rejected as lost', () => {
  deliveryLog.recordFailed(deliveryLog.recordSent(1, 2, 0));
  expect(deliveryLog.pendingCount).toBe(0);
  expect(deliveryLog.takeResult()).toMatchObject({ fromSent: undefined, lost: 0 });
});

it('counts a revision that the database never acknowledged as wrong', () => {
  deliveryLog.recordAcknowledged(deliveryLog.recordSent(1, 2, 0), rev(2), 1);
  deliveryLog.recordDelivered(1, [rev(2, 'b')], 5);
  expect(deliveryLog.takeResult()).toMatchObject({ wrongRevision: 1 });
});

it('does not count a write again after its result was read', () => {
  deliveryLog.recordAcknowledged(deliveryLog.recordSent(1, 2, 0), rev(2), 1);
  deliveryLog.takeResult();
  deliveryLog.recordDelivered(1, [rev(2)], 9);
  expect(deliveryLog.takeResult()).toEqual({
    fromSent: undefined,
    fromAcknowledged: undefined,
    lost: 0,
    wrongRevision: 0,
  });
});
