import { EventEmitter } from 'node:events';
import type { Request, Response } from 'express';
import { AttemptCounters, createDigest } from '../attempts/attempt-counters.ts';
import { SignInAttempts } from '../attempts/attempts.ts';
import type { CheckedClient } from '../passwords/password-checks.ts';
import { SignInHandlers, type SignInHandlersOptions } from './sign-in-handlers.ts';

/** Signs in with a wrong password from one address. Resolves with the key of the turn in which the password is checked. */
async function turnKeyOf(username: string, deviceId: string | undefined): Promise<string | undefined> {
  let key: string | undefined;
  const verifyPassword = (_username: string, _password: string, client?: CheckedClient): Promise<boolean> => {
    key = client?.key;
    return Promise.resolve(false);
  };
  const attempts = new SignInAttempts({
    counters: new AttemptCounters(Date.now),
    digest: createDigest('a secret for tests, and for nothing else at all'),
    now: Date.now,
    onOutcome: () => undefined,
  });
  const options = { accounts: { verifyPassword }, attempts, deviceCookie: { identify: () => deviceId } };
  const handlers = new SignInHandlers(options as unknown as SignInHandlersOptions);
  const req = { body: { username, password: 'wrong' }, ip: '192.0.2.1', socket: new EventEmitter() };
  const signIn = handlers.signIn(req as unknown as Request, { req } as unknown as Response);
  await expect(signIn).rejects.toMatchObject({ status: 401 });
  return key;
}

test('the devices of a user share the turns for checking passwords, apart from their address', async () => {
  const address = await turnKeyOf('alice', undefined);
  const device = await turnKeyOf('alice', 'device 1');
  expect(address).toBe('192.0.2.1');
  expect(device).not.toBe(address);
  // Anyone with an account can have thousands of devices.
  expect(await turnKeyOf('alice', 'device 2')).toBe(device);
  expect(await turnKeyOf('bob', 'device 1')).not.toBe(device);
});
