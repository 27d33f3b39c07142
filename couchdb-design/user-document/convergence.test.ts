/**
 * Devices edit offline, replicate in any order, and resolve the conflicts that they see. They must converge without losing
 * an edit. The model stores what CouchDB stores, revisions with their parents, and transfers them as replication does.
 */
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { anyPatch, toUsername } from '../testing/arbitraries.ts';
import { canonicalJson } from './canonical-json.ts';
import { latestEditStamp, nextEditStamp, type EditStamp } from './edit-stamp.ts';
import { applyEdit } from './merge.ts';
import { newUserDocument, type PreferencesPatch, type UserDocument } from './user-document.ts';
import { resolveConflict, winningRevision, type Revision } from './revisions.ts';

interface StoredRevision {
  readonly parent: Revision | undefined;
  /** `undefined` when the revision is a deletion. */
  readonly document: UserDocument | undefined;
}
type Replica = Map<Revision, StoredRevision>;

interface Device {
  readonly id: string;
  readonly replica: Replica;
  seen: EditStamp | undefined;
}

type Step =
  | { readonly do: 'edit'; readonly device: number; readonly patch: PreferencesPatch; readonly now: number }
  | { readonly do: 'deliver'; readonly device: number; readonly to: number }
  | { readonly do: 'resolve'; readonly device: number };

const alice = toUsername('alice');
const ROOT: Revision = `1-${'0'.repeat(32)}`;
const DEVICES = ['aaaaa', 'bbbbb', 'ccccc', 'ddddd'];

const leavesOf = (replica: Replica): { rev: Revision; document: UserDocument }[] => {
  const parents = new Set([...replica.values()].map(({ parent }) => parent));
  return [...replica].flatMap(([rev, { document }]) =>
    parents.has(rev) || document === undefined ? [] : [{ rev, document }],
  );
};

const winnerOf = (replica: Replica): { rev: Revision; document: UserDocument } => {
  const winner = winningRevision(leavesOf(replica));
  if (winner === undefined) throw new Error('the document has no live leaf');
  return winner;
};

const applyDeviceEdit = (device: Device, patch: PreferencesPatch, now: number): EditStamp => {
  const { rev, document } = winnerOf(device.replica);
  const knownStamps = [...Object.values(document.edits), ...(device.seen === undefined ? [] : [device.seen])];
  const stamp = nextEditStamp({ now, device: device.id, seen: latestEditStamp(knownStamps) });
  const edited = applyEdit(document, patch, stamp);
  const id = createHash('md5')
    .update(canonicalJson([rev, edited]))
    .digest('hex');
  device.replica.set(`${Number.parseInt(rev) + 1}-${id}`, { parent: rev, document: edited });
  device.seen = stamp;
  return stamp;
};

const resolveOnDevice = ({ replica }: Device): void => {
  const leaves = leavesOf(replica);
  if (leaves.length < 2) return;
  for (const written of resolveConflict({ leaves })) {
    const { _rev, _revisions, ...body } = written;
    const parent = `${_revisions.start - 1}-${_revisions.ids[1]}`;
    expect(replica.has(parent)).toBe(true);
    replica.set(_rev, { parent, document: '_deleted' in body ? undefined : body });
  }
};

const replicate = (from: Device, to: Device): void => {
  for (const [rev, stored] of from.replica) {
    // A revision must have one content, or replication would never converge.
    const existing = to.replica.get(rev);
    if (existing === undefined) to.replica.set(rev, stored);
    else if (existing !== stored) expect(canonicalJson(existing)).toBe(canonicalJson(stored));
  }
};

const device = fc.nat({ max: DEVICES.length - 1 });
/** A clock that differs between devices and jumps between edits. */
const now = fc.integer({ min: Date.UTC(2026, 0), max: Date.UTC(2026, 0) + 5 });
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('edit' as const), device, patch: anyPatch, now }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('deliver' as const), device, to: device }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('resolve' as const), device }) },
);

interface Simulation {
  readonly devices: readonly Device[];
  /** The last edit of each preference on any device, and its value. */
  readonly latestEdits: Map<string, { stamp: EditStamp; value: unknown }>;
}

const simulate = (steps: readonly Step[]): Simulation => {
  const document = newUserDocument(alice, new Date(0));
  const devices = DEVICES.map((id): Device => ({
    id,
    replica: new Map([[ROOT, { parent: undefined, document }]]),
    seen: undefined,
  }));
  const latestEdits: Simulation['latestEdits'] = new Map();
  const deviceAt = (index: number): Device => {
    const selected = devices[index];
    if (selected === undefined) throw new Error('no such device');
    return selected;
  };
  for (const step of steps) {
    switch (step.do) {
      case 'edit': {
        const stamp = applyDeviceEdit(deviceAt(step.device), step.patch, step.now);
        for (const [key, value] of Object.entries<unknown>(step.patch)) {
          if (stamp > (latestEdits.get(key)?.stamp ?? '')) latestEdits.set(key, { stamp, value });
        }
        break;
      }
      case 'deliver':
        replicate(deviceAt(step.device), deviceAt(step.to));
        break;
      case 'resolve':
        resolveOnDevice(deviceAt(step.device));
        break;
    }
  }
  return { devices, latestEdits };
};

const replicateAll = (devices: readonly Device[]): void => {
  for (const from of devices) for (const to of devices) replicate(from, to);
};

const expectConverged = ({ devices, latestEdits }: Simulation): void => {
  const [first, ...others] = devices.map(({ replica }) => leavesOf(replica));
  expect(first).toHaveLength(1);
  for (const leaves of others) expect(JSON.stringify(leaves)).toBe(JSON.stringify(first));
  const document = first?.[0]?.document;
  for (const [key, { stamp, value }] of latestEdits) {
    expect(document?.edits[key]).toBe(stamp);
    expect(new Map<string, unknown>(Object.entries(document?.preferences ?? {})).get(key)).toEqual(value ?? undefined);
  }
};

test('devices that edit offline and then replicate have the same bytes, with the last edit of every preference', () => {
  fc.assert(
    fc.property(fc.array(anyStep, { maxLength: 40 }), (steps) => {
      const simulation = simulate(steps);
      replicateAll(simulation.devices);
      replicateAll(simulation.devices);
      // Each device resolves separately, and no further replication is needed.
      for (const target of simulation.devices) resolveOnDevice(target);
      expectConverged(simulation);
    }),
    { numRuns: 300 },
  );
});

test('devices that resolve conflicts between partial replications converge', () => {
  const replications = fc.array(fc.tuple(device, device, fc.boolean()), { minLength: 10, maxLength: 40 });
  fc.assert(
    fc.property(fc.array(anyStep, { maxLength: 30 }), replications, (steps, order) => {
      const simulation = simulate(steps);
      for (const [from, to, resolves] of order) {
        const [a, b] = [simulation.devices[from], simulation.devices[to]];
        if (a === undefined || b === undefined) throw new Error('no such device');
        replicate(a, b);
        if (resolves) resolveOnDevice(b);
      }
      // Replication between all pairs with a resolution after each delivers everything to every device more than once.
      for (let round = 0; round < 3; round += 1) {
        for (const from of simulation.devices) {
          for (const to of simulation.devices) {
            replicate(from, to);
            resolveOnDevice(to);
          }
        }
      }
      expectConverged(simulation);
    }),
    { numRuns: 300 },
  );
});

test('a device that has received only some revisions loses no edit of those', () => {
  fc.assert(
    fc.property(fc.array(anyStep, { maxLength: 30 }), (steps) => {
      for (const target of simulate(steps).devices) {
        const before = leavesOf(target.replica).flatMap(({ document }) => Object.entries(document.edits));
        resolveOnDevice(target);
        const after = winnerOf(target.replica).document.edits;
        expect(leavesOf(target.replica)).toHaveLength(1);
        for (const [key, stamp] of before) expect((after[key] ?? '') >= stamp).toBe(true);
      }
    }),
    { numRuns: 300 },
  );
});
