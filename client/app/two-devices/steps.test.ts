import { nextStep, type DeviceState, type TourStep } from './steps.ts';

const online: DeviceState = { isOffline: false, status: { state: 'live', unsent: 0 } };
const offline = (unsent: number): DeviceState => ({ isOffline: true, status: { state: 'offline', unsent } });
const sending: DeviceState = { isOffline: false, status: { state: 'live', unsent: 1 } };

const walk = (...moments: readonly (readonly [DeviceState, DeviceState])[]): readonly TourStep[] => {
  let step: TourStep = 'disconnect';
  return moments.map((devices) => (step = nextStep(step, devices)));
};

test('both offline, an edit on each, both online and settled: that is the whole way', () => {
  expect(
    walk(
      [online, online],
      [offline(0), online],
      [offline(0), offline(0)],
      [offline(1), offline(0)],
      [offline(1), offline(2)],
      [sending, offline(2)],
      [sending, sending],
      [online, online],
    ),
  ).toEqual(['disconnect', 'disconnect', 'edit', 'edit', 'reconnect', 'reconnect', 'reconnect', 'merged']);
});

test('who goes online before there is something to merge begins anew', () => {
  expect(walk([offline(0), offline(0)], [offline(1), offline(0)], [sending, online])).toEqual([
    'edit',
    'edit',
    'disconnect',
  ]);
});

test('after the end it can be gone again', () => {
  const whole = [
    [offline(1), offline(1)],
    [offline(1), offline(1)],
    [online, online],
  ] as const;
  expect(walk(...whole, ...whole)).toEqual(['edit', 'reconnect', 'merged', 'edit', 'reconnect', 'merged']);
});
