import fc from 'fast-check';
import { parseStreamRequest } from './parse-request.ts';

test('a request without parameters stays open, with the server’s heartbeats', () => {
  expect(parseStreamRequest('', undefined)).toEqual({
    lastEventId: undefined,
    heartbeatMs: undefined,
    timeoutMs: undefined,
  });
  expect(parseStreamRequest('', '').lastEventId).toBeUndefined();
  expect(parseStreamRequest('', '3-abc').lastEventId).toBe('3-abc');
});

test('heartbeat and timeout are limited to 1 to 60 seconds', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 999_999_999 }), (value) => {
      const { heartbeatMs, timeoutMs } = parseStreamRequest(`heartbeat=${value}&timeout=${value}`, undefined);
      expect(heartbeatMs).toBe(Math.min(Math.max(value, 1_000), 60_000));
      expect(timeoutMs).toBe(heartbeatMs);
    }),
  );
});

test.each(['', '-1', '1.5', '1e3', 'x', '0x10', '1234567890'])(
  'rejects %j with 400 and the name of the parameter',
  (text) => {
    for (const name of ['heartbeat', 'timeout']) {
      expect(() => parseStreamRequest(`${name}=${text}`, undefined)).toThrow(
        expect.objectContaining({ status: 400, message: expect.stringContaining(name) as string }),
      );
    }
  },
);
