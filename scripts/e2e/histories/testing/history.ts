/** A random history of one user's document as a value. run-history.ts executes it. */
import fc from 'fast-check';
import {
  BOT_COMMANDS,
  DOMAINS,
  TEXT_SHAPES,
  type DomainName,
  type TextShape,
  type Version,
} from './preference-domains.ts';
import type { ServerInterface } from './participants.ts';
import { OPERATOR_MISTAKES, type OperatorMistake } from './operator-mistakes.ts';

export interface DeviceTraits {
  readonly kind: 'page' | 'plain PouchDB';
  readonly app: DomainName;
  readonly clockOffsetMs: number;
}

/** An edit of one preference. `key` is an index modulo the number of preferences. */
interface EditTraits {
  readonly key: number;
  readonly shape: TextShape;
  readonly removes: boolean;
}

/** `device` is an index modulo the number of devices. */
export type Step =
  | (EditTraits & { readonly kind: 'device edit'; readonly device: number })
  | (EditTraits & { readonly kind: 'server edit'; readonly via: ServerInterface; readonly version: Version })
  | { readonly kind: 'bot'; readonly command: number }
  /** An operator stores something in CouchDB that no interface would accept. */
  | { readonly kind: 'operator'; readonly mistake: OperatorMistake }
  | { readonly kind: 'clock'; readonly device: number; readonly offsetMs: number }
  | { readonly kind: 'offline' | 'online'; readonly device: number }
  /** Waits until the devices that are online have synced. */
  | { readonly kind: 'settle' };

export interface History {
  readonly devices: readonly DeviceTraits[];
  readonly steps: readonly Step[];
}

const SECOND_MS = 1_000;
const DAY_MS = 86_400 * SECOND_MS;

/** From seconds to years, in both directions. */
const clockOffset = fc.constantFrom(
  ...[0, 20 * SECOND_MS, 600 * SECOND_MS, DAY_MS / 2, 3 * DAY_MS, 400 * DAY_MS, 40 * 365 * DAY_MS].flatMap((ms) => [
    ms,
    -ms,
  ]),
);
const device = fc.nat({ max: 3 });
const names = <T extends object>(members: T): (keyof T & string)[] => Object.keys(members) as (keyof T & string)[];
const editTraits = {
  key: fc.nat({ max: 4 }),
  shape: fc.constantFrom(...names(TEXT_SHAPES)),
  removes: fc.oneof({ weight: 6, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
};

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 10, arbitrary: fc.record({ kind: fc.constant('device edit' as const), device, ...editTraits }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('server edit' as const),
      via: fc.constantFrom('rest' as const, 'rest' as const, 'application' as const, 'command' as const),
      version: fc.constantFrom('built-in' as const, 'old' as const, 'new' as const),
      ...editTraits,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('bot' as const), command: fc.nat({ max: BOT_COMMANDS.length - 1 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('operator' as const), mistake: fc.constantFrom(...OPERATOR_MISTAKES) }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('clock' as const), device, offsetMs: clockOffset }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('offline' as const), device }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('online' as const), device }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('settle' as const) }) },
);

const traits: fc.Arbitrary<DeviceTraits> = fc.record({
  kind: fc.constantFrom('page' as const, 'page' as const, 'plain PouchDB' as const),
  app: fc.constantFrom(...names(DOMAINS)),
  clockOffsetMs: clockOffset,
});

export const historyArbitrary: fc.Arbitrary<History> = fc.record({
  devices: fc.array(traits, { minLength: 2, maxLength: 4, size: 'max' }),
  steps: fc.array(step, { minLength: 5, maxLength: 14, size: 'max' }),
});
