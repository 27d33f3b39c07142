import type { EditStamp } from '../../../couchdb-design/user-document/edit-stamp.ts';
import type { RawLeaf } from '../../index.ts';
import { labelOf } from '../labels.ts';
import { shortenRevision } from './inspector-text.ts';
import { Stamp } from './stamp.tsx';

/** Further revisions of a history are only counted. */
const MAX_SHOWN_REVISIONS = 6;

export interface LeafProps {
  readonly leaf: RawLeaf;
  readonly device: string;
}

/** One leaf: its history, and when each preference in it was last set. */
export function Leaf({ leaf, device }: LeafProps) {
  const { _rev: rev, _deleted: isDeleted = false, _revisions: revisions } = leaf;
  const edits = (leaf['edits'] ?? {}) as Readonly<Record<string, EditStamp>>;
  const history = (revisions?.ids ?? []).map((id, index) => `${(revisions?.start ?? 0) - index}-${id}`);
  const shown = history.slice(0, MAX_SHOWN_REVISIONS);
  const hiddenCount = history.length - shown.length;
  const stamps = Object.entries(edits).sort(([, a], [, b]) => (a < b ? 1 : -1));
  return (
    <article
      className={isDeleted ? 'leaf deleted' : 'leaf'}
      aria-label={`Leaf ${shortenRevision(rev)}`}
      data-testid="leaf"
    >
      <ol className="history" aria-label="History, newest first">
        {shown.map((revision) => (
          <li key={revision} title={revision}>
            <code>{shortenRevision(revision)}</code>
          </li>
        ))}
        {hiddenCount > 0 && <li className="row-hint">and {hiddenCount} earlier</li>}
      </ol>
      {isDeleted && <span className="badge quiet">Deleted: conflict resolved</span>}
      {stamps.length > 0 && (
        <ul className="lines">
          {stamps.map(([key, stamp]) => (
            <li key={key}>
              <strong>
                <bdi>{labelOf(key)}</bdi>
              </strong>
              <Stamp stamp={stamp} device={device} />
            </li>
          ))}
        </ul>
      )}
    </article>
  );
}
