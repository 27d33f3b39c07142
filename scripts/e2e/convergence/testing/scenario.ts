/** What happens to one user's devices, as a value: drawn by lot, run by devices-run.ts, told in words. */
import fc from 'fast-check';

/** The preferences that are edited. Any of their values is a list of words, so that each edit has a value of its own. */
export const KEYS = ['selectedTags', 'selectedContexts', 'selectedStatus', 'tableColumns'] as const;
export type Key = (typeof KEYS)[number];

export interface DeviceTraits {
  /** How far its clock is off, in minutes. */
  readonly clock: number;
  /** Its browser has Web Locks; without, every tab syncs for itself. */
  readonly locks: boolean;
  /** It has a network from the start. */
  readonly online: boolean;
}

/** `device` and `tab` are counted round: any number means one that there is. */
interface TabRef {
  readonly device: number;
  readonly tab: number;
}

export type Step =
  /** Sets those keys to something new, and removes these. With `wait`, the next step is taken once it is stored. */
  | (TabRef & {
      readonly kind: 'edit';
      readonly set: readonly Key[];
      readonly remove: readonly Key[];
      readonly wait: boolean;
    })
  | { readonly kind: 'offline'; readonly device: number }
  | { readonly kind: 'online'; readonly device: number }
  /** All tabs are closed, and one is opened. */
  | { readonly kind: 'reload'; readonly device: number }
  | { readonly kind: 'open-tab'; readonly device: number }
  | (TabRef & { readonly kind: 'close-tab' })
  /** Gate and engine are stopped and started on the same data. */
  | { readonly kind: 'restart' }
  /** So many requests are answered, or there is none to wait for. */
  | { readonly kind: 'answers'; readonly count: number }
  /** Everybody who has a network has said and heard everything. */
  | { readonly kind: 'meet' };

export interface Scenario {
  readonly devices: readonly DeviceTraits[];
  readonly steps: readonly Step[];
}

const device = fc.nat({ max: 4 });
const tabRef = { device, tab: fc.nat({ max: 1 }) };
const keysArbitrary = (maxLength: number): fc.Arbitrary<Key[]> => fc.subarray([...KEYS], { maxLength: maxLength });
const constant = <T>(value: T): fc.Arbitrary<T> => fc.constant(value);

const edit = fc
  .record({
    kind: constant('edit' as const),
    ...tabRef,
    set: keysArbitrary(2),
    remove: keysArbitrary(1),
    wait: fc.boolean(),
  })
  .filter(({ set, remove }) => set.length + remove.length > 0)
  .map((step) => ({ ...step, remove: step.remove.filter((key) => !step.set.includes(key)) }));

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 84, arbitrary: edit },
  { weight: 24, arbitrary: fc.record({ kind: constant('offline' as const), device }) },
  { weight: 18, arbitrary: fc.record({ kind: constant('online' as const), device }) },
  { weight: 12, arbitrary: fc.record({ kind: constant('reload' as const), device }) },
  { weight: 12, arbitrary: fc.record({ kind: constant('open-tab' as const), device }) },
  { weight: 6, arbitrary: fc.record({ kind: constant('close-tab' as const), ...tabRef }) },
  { weight: 1, arbitrary: fc.record({ kind: constant('restart' as const) }) },
  { weight: 24, arbitrary: fc.record({ kind: constant('answers' as const), count: fc.integer({ min: 1, max: 12 }) }) },
  { weight: 12, arbitrary: fc.record({ kind: constant('meet' as const) }) },
);

const traits: fc.Arbitrary<DeviceTraits> = fc.record({
  clock: fc.integer({ min: -30, max: 30 }),
  locks: fc.oneof({ weight: 3, arbitrary: constant(true) }, { weight: 1, arbitrary: constant(false) }),
  online: fc.boolean(),
});

const traitsOfCount = (weight: number, count: number): fc.WeightedArbitrary<DeviceTraits[]> => ({
  weight,
  arbitrary: fc.array(traits, { minLength: count, maxLength: count }),
});

export const scenarioArbitrary: fc.Arbitrary<Scenario> = fc.record({
  devices: fc.oneof(traitsOfCount(12, 3), traitsOfCount(2, 4), traitsOfCount(1, 5)),
  steps: fc.array(step, { minLength: 6, maxLength: 14, size: 'max' }),
});
