import { createContext, useContext, type ReactNode } from 'react';
import type { DebugSnapshot } from '../../index.ts';
import { describeReason } from '../../reasons.ts';
import { useSyncStatus } from '../../react.ts';
import type { AppStore } from '../store-types.ts';
import { formatValue } from '../changes/describe-change.ts';
import { labelOf } from '../labels.ts';
import { CopyButton } from './copy-button.tsx';
import { groupEvents, formatTime } from './inspector-text.ts';
import { Leaf } from './leaf.tsx';
import { Stamp } from './stamp.tsx';
import { useDebugSnapshot } from './use-debug-snapshot.ts';

/** The heading level of the parts: h2 on the inspector page, h3 within a device. */
const HeadingLevel = createContext<'h2' | 'h3'>('h2');

function Heading({ children }: { readonly children: ReactNode }) {
  const Level = useContext(HeadingLevel);
  return <Level>{children}</Level>;
}

export interface InspectorProps {
  readonly store: AppStore;
  readonly headingLevel?: 'h2' | 'h3';
}

/** How the sync works, as seen from this tab: revisions, stamps, unsent edits and recent events. It updates live. */
export function Inspector({ store, headingLevel = 'h2' }: InspectorProps) {
  const snapshot = useDebugSnapshot(store);
  if (snapshot === undefined) return <p className="empty">Loading…</p>;
  return (
    <HeadingLevel value={headingLevel}>
      <div className="inspector" data-testid="inspector" data-leader={snapshot.isLeader}>
        <Overview snapshot={snapshot} />
        <Status store={store} />
        <Leaves snapshot={snapshot} />
        <Unsent snapshot={snapshot} />
        <Events snapshot={snapshot} />
      </div>
    </HeadingLevel>
  );
}

interface InspectorPartProps {
  readonly snapshot: DebugSnapshot;
}

function Overview({ snapshot }: InspectorPartProps) {
  const { documentId, device, isLeader } = snapshot;
  return (
    <div className="inspector-part overview">
      <dl className="facts">
        <div>
          <dt>Document</dt>
          <dd>
            <code>
              <bdi>{documentId}</bdi>
            </code>
          </dd>
        </div>
        <div>
          <dt>This device</dt>
          <dd>
            <code>{device}</code>
          </dd>
        </div>
        <div>
          <dt>This tab</dt>
          <dd>{isLeader ? 'Leader: syncs for all tabs' : 'Follower: another tab syncs for it'}</dd>
        </div>
      </dl>
      <CopyButton text={() => JSON.stringify(snapshot, null, 2)} />
    </div>
  );
}

function Status({ store }: { readonly store: AppStore }) {
  const { state, reasons } = useSyncStatus(store);
  return (
    <div className="inspector-part">
      <Heading>Status</Heading>
      <p className="row-hint">
        <code>{state}</code>
      </p>
      {reasons.length > 0 && (
        <ul className="lines" data-testid="inspector-reasons">
          {reasons.map((reason) => (
            <li key={reason}>
              <span>
                <strong>{reason}</strong> {describeReason(reason)}
              </span>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

function Leaves({ snapshot: { leaves, device } }: InspectorPartProps) {
  const live = leaves.filter(({ _deleted }) => !_deleted);
  const deleted = leaves.filter(({ _deleted }) => _deleted);
  return (
    <div className="inspector-part">
      <Heading>
        Leaves <span className="badge">{leaves.length}</span>
      </Heading>
      <p className="row-hint">
        {live.length > 1
          ? `${live.length} revisions are in conflict. The page shows their merge: the latest edit of each preference.`
          : 'A leaf is a revision without children. With a single live leaf there is no conflict.'}
      </p>
      {leaves.length === 0 && <p className="empty">No document yet. It arrives with the first sync.</p>}
      {[...live, ...deleted].map((leaf) => (
        <Leaf key={leaf._rev} leaf={leaf} device={device} />
      ))}
    </div>
  );
}

function Unsent({ snapshot: { unsent, device } }: InspectorPartProps) {
  return (
    <div className="inspector-part">
      <Heading>
        Unsent edits <span className="badge">{unsent.length}</span>
      </Heading>
      {unsent.length === 0 ? (
        <p className="row-hint">The server has every edit from this device.</p>
      ) : (
        <ul className="lines" data-testid="unsent-edits">
          {unsent.map(({ key, value, stamp }) => (
            <li key={key}>
              <span>
                <strong>
                  <bdi>{labelOf(key)}</bdi>
                </strong>{' '}
                {formatValue(key, value)}
              </span>
              <Stamp stamp={stamp} device={device} />
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

function Events({ snapshot: { events } }: InspectorPartProps) {
  return (
    <div className="inspector-part">
      <Heading>Recent events</Heading>
      <ol className="lines events" tabIndex={0} aria-label="Recent events">
        {groupEvents(events).map(({ at, text, count }) => (
          <li key={`${at} ${text}`}>
            <span>
              {text} {count > 1 && <span className="badge quiet">{count} times</span>}
            </span>
            <time dateTime={new Date(at).toISOString()}>{formatTime(at)}</time>
          </li>
        ))}
      </ol>
    </div>
  );
}
