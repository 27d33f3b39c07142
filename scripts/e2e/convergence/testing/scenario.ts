/** A random history of one user's devices as a value. run-scenario.ts executes it. */
import fc from 'fast-check';

/** The edited preferences. Their values are lists of labels, so that each edit can have a unique value. */
export const KEYS = ['selectedTags', 'selectedContexts', 'selectedStatus', 'tableColumns'] as const;
export type Key = (typeof KEYS)[number];

export interface DeviceTraits {
  /** Clock offset, in minutes. */
  readonly clock: number;
  /** Whether its browser has Web Locks. Without them, every tab syncs separately. */
  readonly locks: boolean;
  /** Whether it is online at the start. */
  readonly online: boolean;
}

/** `device` and `tab` are indexes modulo the number of existing ones. */
interface TabRef {
  readonly device: number;
  readonly tab: number;
}

export type Step =
  /** Sets keys to new values and removes others. With `wait`, the next step follows once the edit is stored. */
  | (TabRef & {
      readonly kind: 'edit';
      readonly set: readonly Key[];
      readonly remove: readonly Key[];
      readonly wait: boolean;
    })
  | { readonly kind: 'offline'; readonly device: number }
  | { readonly kind: 'online'; readonly device: number }
  /** Closes all tabs and opens one. */
  | { readonly kind: 'reload'; readonly device: number }
  | { readonly kind: 'open-tab'; readonly device: number }
  | (TabRef & { readonly kind: 'close-tab' })
  /** Restarts the gate and the engine with the same data. */
  | { readonly kind: 'restart' }
  /** Waits for this number of responses, or until the online devices have converged. */
  | { readonly kind: 'responses'; readonly count: number }
  /** Waits until the online devices have converged. */
  | { readonly kind: 'converge' };

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
  {
    weight: 24,
    arbitrary: fc.record({ kind: constant('responses' as const), count: fc.integer({ min: 1, max: 12 }) }),
  },
  { weight: 12, arbitrary: fc.record({ kind: constant('converge' as const) }) },
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
