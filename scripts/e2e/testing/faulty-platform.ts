/** The platform of one browser. A test makes its facilities reject immediately, hang or be missing. */
import PouchDB from 'pouchdb-browser';
import type { Environment, GetToken } from '../../../client/index.ts';
import type { Database, OpenDatabase } from '../../../client/platform/database.ts';
import { MEMORY_ADAPTER, memoryAdapter } from '../../../client/platform/memory-adapter.ts';
import { createBrowser } from './browser.ts';

PouchDB.plugin(memoryAdapter);

/** The facilities that a browser may lack, in the order in which the status names them. */
const LOCAL_FACILITIES = ['database', 'storage', 'locks', 'channel'] as const;
/** The status shows by its state that one of these fails. */
const REMOTE_FACILITIES = ['network', 'token'] as const;
export const FACILITIES = [...LOCAL_FACILITIES, ...REMOTE_FACILITIES] as const;
export type Facility = (typeof FACILITIES)[number];
export const FAULTS = ['rejects', 'hangs', 'is missing'] as const;
export type Fault = (typeof FAULTS)[number];

export interface FaultyPlatform {
  readonly environment: Pick<Environment, 'storage' | 'locks' | 'openChannel' | 'fetch'>;
  /** Wraps the function of an application that returns tokens. */
  readonly tokenSource: (getToken: GetToken) => GetToken;
  readonly openDatabase: OpenDatabase;
  /** Opens a database in memory, as the library does in a browser. */
  readonly openReplacement: OpenDatabase;
  readonly set: (facility: Facility, fault: Fault | undefined) => void;
  /** When the calls that failed or hung were made, in milliseconds; of the storage only writes. */
  readonly failedCalls: (facility: Facility) => readonly number[];
}

const DATABASE_METHODS = ['get', 'put', 'bulkDocs', 'bulkGet', 'info'] as const;
let count = 0;

export function createFaultyPlatform(): FaultyPlatform {
  count += 1;
  const prefix = `faulty-${count}-`;
  const browser = createBrowser();
  const { locks, openChannel } = browser.environment as Environment;
  const faults = new Map<Facility, Fault>();
  const failed = new Map<Facility, number[]>(FACILITIES.map((facility) => [facility, []]));

  /** Throws when the facility is missing. Returns whether a call of it hangs. */
  const fail = (facility: Facility): Fault | undefined => {
    const fault = faults.get(facility);
    if (fault !== undefined) failed.get(facility)?.push(performance.now());
    if (fault === 'is missing') throw new TypeError(`${facility} is undefined`);
    return fault;
  };
  const call = <T>(facility: Facility, task: () => Promise<T>): Promise<T> => {
    const fault = fail(facility);
    if (fault === 'hangs') return new Promise<never>(() => undefined);
    return fault === 'rejects' ? Promise.reject(new DOMException('No.', 'InvalidStateError')) : task();
  };
  /** Storage and messages are synchronous: a call that hangs has no effect. */
  const callNow = <T>(facility: Facility, task: () => T, ifHung: T): T => {
    const fault = fail(facility);
    if (fault === 'rejects') throw new DOMException('No.', 'SecurityError');
    return fault === 'hangs' ? ifHung : task();
  };

  /** Reads of the storage are not counted, because they are cheap. */
  const read = <T>(task: () => T): T => {
    const fault = faults.get('storage');
    if (fault === 'rejects' || fault === 'is missing') throw new DOMException('No.', 'SecurityError');
    return task();
  };

  const faultyLocks: Environment['locks'] = {
    request: <T>(name: string, optionsOrTask: LockOptions | (() => Promise<T>), task?: () => Promise<T>): Promise<T> =>
      call('locks', () =>
        typeof optionsOrTask === 'function'
          ? locks.request(name, optionsOrTask)
          : locks.request(name, optionsOrTask, task as () => Promise<T>),
      ),
  };

  return {
    tokenSource: (getToken) => (refused) => call('token', () => getToken(refused)),
    environment: {
      locks: faultyLocks,
      fetch: (input, init) =>
        call('network', () => fetch(input, init)).catch((error: unknown) => {
          throw new TypeError('Failed to fetch', { cause: error });
        }),
      storage: new Proxy(browser.storage, {
        get: (target, key) => read(() => Reflect.get(target, key) as unknown),
        ownKeys: (target) => read(() => Reflect.ownKeys(target)),
        set: (target, key, value) => callNow('storage', () => Reflect.set(target, key, value), true),
        deleteProperty: (target, key) => callNow('storage', () => Reflect.deleteProperty(target, key), true),
      }),
      openChannel: (name) => {
        callNow('channel', () => undefined, undefined);
        const channel = openChannel(name);
        const post = channel.postMessage.bind(channel);
        return Object.assign(channel, {
          postMessage: (message: unknown) => callNow('channel', () => post(message), undefined),
        });
      },
    },
    openDatabase: (name) =>
      call('database', () => {
        const database: Database = browser.open(name);
        const wrapped = DATABASE_METHODS.map((method) => {
          const original = database[method].bind(database) as (...args: unknown[]) => Promise<unknown>;
          // PouchDB calls some of its methods with a callback.
          const faulty = (...args: unknown[]): Promise<unknown> =>
            typeof args.at(-1) === 'function' ? original(...args) : call('database', () => original(...args));
          return [method, faulty] as const;
        });
        return Promise.resolve(Object.assign(database, Object.fromEntries(wrapped)));
      }),
    openReplacement: (name) => new PouchDB(prefix + name, { adapter: MEMORY_ADAPTER }),
    set: (facility, fault) => {
      if (fault === undefined) faults.delete(facility);
      else faults.set(facility, fault);
    },
    failedCalls: (facility) => failed.get(facility) ?? [],
  };
}
