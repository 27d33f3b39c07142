import { createContext, useContext, type ReactNode } from 'react';
import type { Inspection } from '../../index.ts';
import type { AppStore } from '../store-types.ts';
import { valueText } from '../changes/describe-change.ts';
import { labelOf } from '../labels.ts';
import { CopyButton } from './copy-button.tsx';
import { eventLines, timeText } from './inspector-text.ts';
import { Leaf } from './leaf.tsx';
import { Stamp } from './stamp.tsx';
import { useInspection } from './use-inspection.ts';

/** On a page of its own its parts are the page's; within a device they are that device's. */
const HeadingLevel = createContext<'h2' | 'h3'>('h2');

function Heading({ children }: { readonly children: ReactNode }) {
  const Level = useContext(HeadingLevel);
  return <Level>{children}</Level>;
}

export interface InspectorProps {
  readonly store: AppStore;
  readonly headings?: 'h2' | 'h3';
}

/** How the sync works, seen from this tab: revisions, stamps, what waits, and what happened last. It changes by itself. */
export function Inspector({ store, headings = 'h2' }: InspectorProps) {
  const inspection = useInspection(store);
  if (inspection === undefined) return <p className="empty">Reading what is stored…</p>;
  return (
    <HeadingLevel value={headings}>
      <div className="inspector" data-testid="inspector" data-leader={inspection.isLeader}>
        <Overview inspection={inspection} />
        <Leaves inspection={inspection} />
        <Unsent inspection={inspection} />
        <Events inspection={inspection} />
      </div>
    </HeadingLevel>
  );
}

interface PartProps {
  readonly inspection: Inspection;
}

function Overview({ inspection }: PartProps) {
  const { documentId, device, isLeader } = inspection;
  return (
    <div className="inspector-part overview">
      <dl className="facts">
        <div>
          <dt>Document</dt>
          <dd>
            <code>{documentId}</code>
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
          <dd>{isLeader ? 'leads: it holds the one connection' : 'follows: another tab syncs for it'}</dd>
        </div>
      </dl>
      <CopyButton text={() => JSON.stringify(inspection, null, 2)} />
    </div>
  );
}

function Leaves({ inspection: { leaves, device } }: PartProps) {
  const alive = leaves.filter(({ _deleted }) => !_deleted);
  const deleted = leaves.filter(({ _deleted }) => _deleted);
  return (
    <div className="inspector-part">
      <Heading>
        Leaves <span className="badge">{leaves.length}</span>
      </Heading>
      <p className="row-hint">
        {alive.length > 1
          ? `${alive.length} revisions are in conflict: what is shown is their merge, each preference from its latest edit.`
          : 'A leaf is a revision that nothing has been written on. One that is not deleted: there is no conflict.'}
      </p>
      {leaves.length === 0 && <p className="empty">No document yet: it comes with the first sync.</p>}
      {[...alive, ...deleted].map((leaf) => (
        <Leaf key={leaf._rev} leaf={leaf} device={device} />
      ))}
    </div>
  );
}

function Unsent({ inspection: { unsent, device } }: PartProps) {
  return (
    <div className="inspector-part">
      <Heading>
        Unsent edits <span className="badge">{unsent.length}</span>
      </Heading>
      {unsent.length === 0 ? (
        <p className="row-hint">The server has every edit of this device.</p>
      ) : (
        <ul className="lines" data-testid="unsent-edits">
          {unsent.map(({ key, value, stamp }) => (
            <li key={key}>
              <span>
                <strong>{labelOf(key)}</strong> {valueText(key, value)}
              </span>
              <Stamp stamp={stamp} device={device} />
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

function Events({ inspection: { events } }: PartProps) {
  return (
    <div className="inspector-part">
      <Heading>Last events</Heading>
      <ol className="lines events" tabIndex={0} aria-label="Last events">
        {eventLines(events).map(({ at, text, count }) => (
          <li key={`${at} ${text}`}>
            <span>
              {text} {count > 1 && <span className="badge quiet">{count} times</span>}
            </span>
            <time dateTime={new Date(at).toISOString()}>{timeText(at)}</time>
          </li>
        ))}
      </ol>
    </div>
  );
}
