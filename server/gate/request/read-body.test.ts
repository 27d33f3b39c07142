import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { closeAfterTests } from '../../../couchdb-design/testing/open-resources.ts';
import { serviceUnavailable, type HttpError } from '../../http/errors.ts';
import { TimerWheel } from '../../lib/timer-wheel.ts';
import { readBody } from './read-body.ts';

const MEBIBYTE = 1024 * 1024;

/** Starts to read the body of a request that announces `length` bytes, on a clock that the test sets. */
function startReading(length: number | undefined, limit = MEBIBYTE) {
  const clock = { now: 1_000 };
  const req = new IncomingMessage(new Socket());
  if (length !== undefined) req.headers['content-length'] = String(length);
  let arrived = 0;
  let cancel: ((error: HttpError) => void) | undefined;
  const result = readBody(req, {
    limit,
    timer: closeAfterTests(new TimerWheel(() => clock.now)),
    now: () => clock.now,
    reservation: {
      addArrived: (bytes) => (arrived += bytes),
      addUnsent: () => undefined,
      onCancel: (value) => (cancel = value),
      release: () => undefined,
    },
  });
  // Each test awaits it later.
  result.catch(() => undefined);
  return {
    req,
    clock,
    result,
    arrived: () => arrived,
    isCancellable: () => cancel !== undefined,
    cancel: () => cancel,
  };
}

const nextTick = (): Promise<void> => new Promise(setImmediate);

it('counts what has arrived, not what is announced', async () => {
  const { req, result, arrived, isCancellable } = startReading(MEBIBYTE);
  req.push('x');
  await nextTick();
  expect([arrived(), isCancellable()]).toEqual([1, true]);
  req.push('y'.repeat(MEBIBYTE - 1));
  req.push(null);
  expect(Buffer.from(await result).toString()).toBe(`x${'y'.repeat(MEBIBYTE - 1)}`);
  expect([arrived(), isCancellable()]).toEqual([MEBIBYTE, false]);
});

it.each([
  ['announced', MEBIBYTE + 1],
  ['unannounced', undefined],
])('a body over the limit is 413 once it has been discarded: %s', async (_name, length) => {
  const { req, result, arrived } = startReading(length);
  for (let n = 0; n < 3; n += 1) req.push('x'.repeat(MEBIBYTE / 2));
  await nextTick();
  req.push(null);
  await expect(result).rejects.toMatchObject({ status: 413, message: 'The body has more than 1048576 bytes.' });
  expect(arrived()).toBeLessThanOrEqual(MEBIBYTE);
});

it('a body far over the limit is 413 before it has arrived', async () => {
  const { req, result } = startReading(100 * MEBIBYTE);
  for (let n = 0; n < 17; n += 1) req.push('x'.repeat(MEBIBYTE));
  await expect(result).rejects.toMatchObject({ status: 413 });
});

it('a body of which one byte arrives is 408 at its deadline, which grows with its size', async () => {
  const { req, clock, result, isCancellable } = startReading(MEBIBYTE);
  req.push('x');
  clock.now += 20_000 + 60_000;
  await nextTick();
  expect(isCancellable()).toBe(true);
  clock.now += 10_000;
  await expect(result).rejects.toMatchObject({ status: 408, error: 'request_timeout' });
  expect(isCancellable()).toBe(false);
});

it('is 499 when the client disconnects, before it is read or while it arrives', async () => {
  const { req, result } = startReading(10);
  req.push('x');
  req.destroy();
  await expect(result).rejects.toMatchObject({ status: 499 });
  const gone = new IncomingMessage(new Socket());
  gone.destroy();
  await nextTick();
  await expect(
    readBody(gone, {
      limit: 1,
      timer: new TimerWheel(),
      now: Date.now,
      reservation: {
        addArrived: () => undefined,
        addUnsent: () => undefined,
        onCancel: () => undefined,
        release: () => undefined,
      },
    }),
  ).rejects.toMatchObject({ status: 499 });
});

it('is 503 when it is cancelled for lack of memory', async () => {
  const { req, result, cancel } = startReading(10);
  req.push('x');
  await nextTick();
  cancel()?.(serviceUnavailable('The server is busy.'));
  await expect(result).rejects.toMatchObject({ status: 503 });
});
