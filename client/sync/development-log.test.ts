import type { DevelopmentLog } from './development-log.ts';
import type { StatusStore } from './status-store.ts';

interface Page extends StatusStore {
  readonly log: DevelopmentLog | undefined;
}

/** A page in which NODE_ENV has a value, or in which there is no `process`. */
async function loadPage(nodeEnv: string | undefined): Promise<Page> {
  jest.resetModules();
  if (nodeEnv === undefined) jest.replaceProperty(globalThis, 'process', undefined as unknown as NodeJS.Process);
  else jest.replaceProperty(process.env, 'NODE_ENV', nodeEnv);
  const { developmentLog: log } = await import('./development-log.ts');
  const { createStatusStore } = await import('./status-store.ts');
  return { ...createStatusStore(() => undefined), log };
}

let warn: jest.SpyInstance<void, unknown[]>;
beforeEach(() => {
  warn = jest.spyOn(console, 'warn').mockReturnValue(undefined);
});
afterEach(() => jest.restoreAllMocks());

test('in development each reason is logged once, with its sentence and the documentation', async () => {
  const { dispatch } = await loadPage('development');
  for (let attempt = 0; attempt < 3; attempt += 1) {
    dispatch({ type: 'interrupted', reason: 'token-unavailable' });
    dispatch({ type: 'interrupted', reason: 'wrong-url' });
    dispatch({ type: 'caught-up', lastSynced: 1 });
  }
  dispatch({ type: 'platform', reasons: ['locks-unavailable'] });
  expect(warn.mock.calls).toEqual([
    [expect.stringMatching(/^Pouchgate: token-unavailable\. getToken rejected: .*client\.md#reasons$/)],
    [expect.stringMatching(/^Pouchgate: wrong-url\. The server has nothing at this URL: /)],
    [expect.stringMatching(/^Pouchgate: locks-unavailable\. /)],
  ]);
});

test('in development the error of getToken is logged once', async () => {
  const { log } = await loadPage('development');
  const error = new TypeError('session is undefined');
  log?.logTokenError(error);
  log?.logTokenError(error);
  expect(warn.mock.calls).toEqual([['Pouchgate: the error of getToken:', error]]);
});

test.each(['production', 'test', undefined])('with NODE_ENV %s nothing is logged', async (nodeEnv) => {
  const { dispatch, status, log } = await loadPage(nodeEnv);
  dispatch({ type: 'interrupted', reason: 'wrong-url' });
  expect([status().reason, log]).toEqual(['wrong-url', undefined]);
  expect(warn).not.toHaveBeenCalled();
});
