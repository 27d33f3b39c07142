import { nextStep, type DeviceState, type TourStep } from './steps.ts';

const online: DeviceState = { isOffline: false, status: { state: 'live', unsent: 0 } };
const offline = (unsent: number): DeviceState => ({ isOffline: true, status: { state: 'offline', unsent } });
const sending: DeviceState = { isOffline: false, status: { state: 'live', unsent: 1 } };

const walk = (...states: readonly (readonly [DeviceState, DeviceState])[]): readonly TourStep[] => {
  let step: TourStep = 'disconnect';
  return states.map((devices) => (step = nextStep(step, devices)));
};

test('taking both devices offline, editing on each and syncing both completes the tour', () => {
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

test('going online before there is something to merge restarts the tour', () => {
  expect(walk([offline(0), offline(0)], [offline(1), offline(0)], [sending, online])).toEqual([
    'edit',
    'edit',
    'disconnect',
  ]);
});

test('the tour can be repeated after its end', () => {
  const tour = [
    [offline(1), offline(1)],
    [offline(1), offline(1)],
    [online, online],
  ] as const;
  expect(walk(...tour, ...tour)).toEqual(['edit', 'reconnect', 'merged', 'edit', 'reconnect', 'merged']);
});
