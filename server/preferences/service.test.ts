import type { ServerScope } from 'nano';
import { newUserDocument, parseUsername, type Username } from '../../couchdb-design/user-document/user-document.ts';
import { newSourceDeviceId } from '../../couchdb-design/user-document/edit-sources.ts';
import { KeyedConcurrencyLimit } from '../lib/keyed-concurrency-limit.ts';
import { defaultPreferenceDefinition } from './schema.ts';
import { FairSlots } from '../upstream/fair-slots.ts';
import { createPreferencesService, type PreferencesService } from './service.ts';

const ALICE = parseUsername('alice') as Username;
const DEVICE = newSourceDeviceId('rest', () => 0);

beforeEach(() => jest.useFakeTimers({ now: 0 }));
afterEach(() => jest.useRealTimers());

const leaf = (rev: string) => ({ ok: { ...newUserDocument(ALICE, new Date(0)), _rev: rev } });
const CONFLICTING = [leaf(`1-${'b'.repeat(32)}`), leaf(`1-${'a'.repeat(32)}`)];
const RESOLVED = [leaf(`2-${'c'.repeat(32)}`)];

/** The first read returns open conflicts, and each later one a single leaf. `insert` stores the edit. */
function createService(insert: () => Promise<{ rev: string }>): PreferencesService {
  const request = jest.fn(() => Promise.resolve(RESOLVED)).mockResolvedValueOnce(CONFLICTING);
  const couch = { request, use: () => ({ insert, bulk: () => Promise.resolve([]) }) };
  return createPreferencesService({
    couch: couch as unknown as ServerScope,
    registry: 'user_registry',
    provision: () => Promise.reject(new Error('The document exists.')),
    definition: defaultPreferenceDefinition(),
    writeQueue: new KeyedConcurrencyLimit(1),
    slots: new FairSlots({ slots: 1 }),
    now: Date.now,
  });
}

it('an edit follows the resolution of open conflicts without a delay', async () => {
  const service = createService(() => Promise.resolve({ rev: '3-d' }));
  const edited = service.edit(ALICE, DEVICE, () => ({ theme: 'dark' }));
  await jest.advanceTimersByTimeAsync(0);
  expect(jest.getTimerCount()).toBe(0);
  expect((await edited).document.preferences).toEqual({ theme: 'dark' });
});

it('an edit waits after a write conflict', async () => {
  const insert = jest.fn(() => Promise.resolve({ rev: '3-d' }));
  insert.mockRejectedValueOnce(Object.assign(new Error('conflict'), { statusCode: 409 }));
  const edited = createService(insert).edit(ALICE, DEVICE, () => ({ theme: 'dark' }));
  await jest.advanceTimersByTimeAsync(9);
  expect(insert).toHaveBeenCalledTimes(1);
  await jest.runAllTimersAsync();
  expect((await edited).document.preferences).toEqual({ theme: 'dark' });
  expect(insert).toHaveBeenCalledTimes(2);
});
