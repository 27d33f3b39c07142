import { useCallback, useEffect, useState } from 'react';
import type { SessionSummary } from '../../../server/contract.ts';
import type { AppSession } from '../session/session.ts';
import { sentenceOf } from '../session/sentence.ts';
import { Section } from './section.tsx';

const when = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });

export interface DevicesProps {
  readonly session: AppSession;
  /** Changes when it is worth asking again: the connection is back, or the person has signed in again. */
  readonly isConnected: boolean;
}

/** Where the person is signed in; each of these can be ended from here. */
export function Devices({ session, isConnected }: DevicesProps) {
  const [devices, setDevices] = useState<readonly SessionSummary[]>([]);
  const [error, setError] = useState<string>();

  const load = useCallback(async (): Promise<void> => {
    try {
      setDevices(await session.devices());
      setError(undefined);
    } catch (failure) {
      setError(sentenceOf(failure));
    }
  }, [session]);
  useEffect(() => {
    if (isConnected) void load();
  }, [isConnected, load]);

  const change = (end: Promise<void>): void => {
    end.catch((failure: unknown) => setError(sentenceOf(failure))).finally(() => void load());
  };
  const others = devices.filter(({ current }) => !current);

  return (
    <Section id="devices" title="Signed-in devices" lead="Ending one signs it out within seconds.">
      {isConnected ? (
        <p className="form-error" role="alert">
          {error}
        </p>
      ) : (
        <p className="row-hint">The list is shown when you are connected and signed in.</p>
      )}
      <ul className="devices">
        {isConnected &&
          devices.map(({ id, device, createdAt, refreshedAt, current }) => (
            <li key={id} data-testid="device">
              <span>
                <strong>{device}</strong> {current && <span className="badge">This device</span>}
                <span className="row-hint">
                  Signed in {when.format(new Date(createdAt))}, last seen {when.format(new Date(refreshedAt))}
                </span>
              </span>
              {!current && (
                <button
                  type="button"
                  className="ghost"
                  onClick={() => change(session.endDevice(id))}
                  aria-label={`End ${device}`}
                  data-testid="end-device"
                >
                  End
                </button>
              )}
            </li>
          ))}
      </ul>
      {isConnected && others.length > 1 && (
        <button type="button" className="ghost" onClick={() => change(session.endOtherDevices())}>
          End all others
        </button>
      )}
    </Section>
  );
}
