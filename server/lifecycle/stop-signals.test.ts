import { EventEmitter } from 'node:events';
import { listenForStopSignals, type StopSignal } from './stop-signals.ts';

function listen() {
  const process = new EventEmitter();
  const calls: string[] = [];
  let time = 0;
  listenForStopSignals({
    process,
    onStop: (signal) => calls.push(`stop ${signal}`),
    onRepeated: (signal) => calls.push(`repeated ${signal}`),
    now: () => time,
  });
  return {
    calls,
    send: (signal: StopSignal, at: number) => {
      time = at;
      process.emit(signal, signal);
    },
  };
}

test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)('%s stops once', (signal) => {
  const { calls, send } = listen();
  send(signal, 0);
  expect(calls).toEqual([`stop ${signal}`]);
});

test('the SIGINT that npm forwards at Ctrl+C is not a second request', () => {
  const { calls, send } = listen();
  send('SIGINT', 0);
  send('SIGINT', 3);
  expect(calls).toEqual(['stop SIGINT']);
  send('SIGINT', 1_000);
  expect(calls).toEqual(['stop SIGINT', 'repeated SIGINT']);
});

test.each([
  ['SIGHUP', 'SIGTERM'],
  ['SIGTERM', 'SIGHUP'],
] as const)(
  'the %s of a closed terminal or a supervisor and the %s that follows it are one request',
  (first, second) => {
    const { calls, send } = listen();
    send(first, 0);
    send(second, 500);
    expect(calls).toEqual([`stop ${first}`]);
    send(second, 1_000);
    expect(calls).toEqual([`stop ${first}`, `repeated ${second}`]);
  },
);

test('Ctrl+C is a second request after another signal', () => {
  const { calls, send } = listen();
  send('SIGTERM', 0);
  send('SIGINT', 1);
  expect(calls).toEqual(['stop SIGTERM', 'repeated SIGINT']);
});
