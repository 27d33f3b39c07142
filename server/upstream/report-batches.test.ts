import pino from 'pino';
import { badGateway } from '../http/errors.ts';
import { logFailedBatches, reportBatches } from './report-batches.ts';

const FAILURE = { status: 403, reason: 'forbidden: You are not allowed to access this db.' };

test('the log gives CouchDB’s reason once for all requests of a batch, and warns again after a success', async () => {
  const lines: unknown[] = [];
  const log = pino({ level: 'warn', base: null, timestamp: false }, { write: (line) => lines.push(JSON.parse(line)) });
  let isFailing = true;
  const read = reportBatches(
    (batch: readonly string[]) =>
      isFailing ? Promise.reject(badGateway('The database failed (status 403).', FAILURE)) : Promise.resolve(batch),
    logFailedBatches(log, 'leaves'),
  );
  const readAll = (): Promise<readonly string[]> => read(Array<string>(250).fill('user_alice'));

  for (let attempt = 0; attempt < 3; attempt += 1) await expect(readAll()).rejects.toThrow('status 403');
  const line = {
    level: 40,
    kind: 'leaves',
    waiting: 250,
    upstreamStatus: 403,
    upstreamReason: FAILURE.reason,
    msg: 'A read for several requests failed.',
  };
  expect(lines).toEqual([line]);
  isFailing = false;
  expect(await readAll()).toHaveLength(250);
  isFailing = true;
  await expect(readAll()).rejects.toThrow('status 403');
  expect(lines).toEqual([line, line]);
});
