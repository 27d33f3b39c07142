/** What this browser shows: the document as it was last read, with the pending edits. Nothing here writes. */
import type { DeviceId } from '../../couchdb-design/user-document/edit-stamp.ts';
import type { Values } from '../../couchdb-design/user-document/preference-schema.ts';
import { deepFreeze } from '../platform/deep-freeze.ts';
import { createEmitter } from '../platform/emitter.ts';
import { applyEdits, editStampIn, EMPTY_DOCUMENT, haveSameStamps, type Edits } from './edits.ts';
import type { RawLeaf } from './leaf.ts';
import type { PendingEdits } from './pending-edits.ts';
import { createReplica, readLeaves, type DocumentSource, type Replica } from './replica.ts';
import type { Rules } from './rules.ts';
import { findSupersededEdits } from './superseded-edits.ts';
import type { LocalStoreOptions } from './types.ts';

const MAX_EXCESS_LEAVES = 16;

export class LocalView {
  /** The document; undefined before the first read. */
  replica: Replica | undefined;
  /** The leaves from which `replica` was computed. */
  leaves: readonly RawLeaf[] = [];
  /** The edits that the server is not known to have, without those that other devices have superseded. */
  unsent: Edits = [];
  /** All preferences with their defaults. The same object until one changes. */
  visible: Values;
  /** Undefined while they are being loaded. */
  rules: Rules | undefined;
  /** Emits after every change. */
  readonly emitter = createEmitter();

  readonly #options: Pick<LocalStoreOptions, 'defaults' | 'onSuperseded'>;
  readonly #pendingEdits: PendingEdits;
  readonly #device: DeviceId;

  constructor(options: Pick<LocalStoreOptions, 'defaults' | 'onSuperseded'>, pending: PendingEdits, device: DeviceId) {
    this.#options = options;
    this.#pendingEdits = pending;
    this.#device = device;
    this.visible = options.defaults;
  }

  /** Reads the document. */
  async load(source: DocumentSource): Promise<Replica> {
    this.leaves = await readLeaves(source);
    this.replica = createReplica(this.leaves);
    this.publish();
    return this.replica;
  }

  /** Computes what is shown from the document last read and the pending edits, and notifies the listeners. */
  publish(): void {
    const previous = this.unsent;
    const document = this.replica?.document;
    this.unsent = this.#readUnsent();
    const shown = applyEdits(document ?? EMPTY_DOCUMENT, this.unsent);
    this.visible = this.rules?.show(shown, this.visible) ?? this.visible;
    this.emitter.emit();
    for (const edit of findSupersededEdits(document, previous, this.#device)) {
      this.#options.onSuperseded(deepFreeze(edit));
    }
  }

  /** Updates the unsent edits if another tab has added or removed some. */
  updateUnsent(): void {
    if (!haveSameStamps(this.#readUnsent(), this.unsent)) this.publish();
  }

  /**
   * The replica is in sync when it has all of the server's leaves, and the server has all live ones of the replica: the gate merges a
   * conflict and its resolution instead of storing them.
   */
  isInSync(serverRevisions: readonly string[]): boolean {
    const { revisions = [], leaves = [] } = this.replica ?? {};
    return (
      serverRevisions.length > 0 &&
      serverRevisions.every((rev) => revisions.includes(rev)) &&
      leaves.every(({ rev }) => serverRevisions.includes(rev))
    );
  }

  hasExcessLeaves({ length }: readonly string[]): boolean {
    return !this.unsent.length && (this.replica?.revisions.length ?? 0) > length + MAX_EXCESS_LEAVES;
  }

  /** The pending edits that the document has not superseded. */
  #readUnsent(): Edits {
    const document = this.replica?.document;
    return this.#pendingEdits.read().filter(({ key, stamp }) => stamp >= editStampIn(document, key));
  }
}
