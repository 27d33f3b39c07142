import type { SessionSummary } from '../../../server/contract.ts';
import type { AppSession } from '../session/session.ts';
import { formatRelativeTime } from '../status-text.ts';
import { Icon } from '../components/icons.tsx';
import { SignOutButton } from '../components/sign-out-button.tsx';

const dateFormat = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' });
const dateTimeFormat = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'medium' });

const isPhone = (device: string): boolean => /iPhone|iPad|Android/.test(device);

export interface DeviceItemProps {
  readonly device: SessionSummary;
  readonly now: number;
  readonly session: AppSession;
  readonly isSigningOut: boolean;
  readonly onSignOut: () => void;
}

/** One signed-in device. */
export function DeviceItem({ device, now, session, isSigningOut, onSignOut }: DeviceItemProps) {
  const { createdAt, refreshedAt, current } = device;
  return (
    <li className="device" data-testid="device">
      <span className="device-icon">
        <Icon name={isPhone(device.device) ? 'phone' : 'computer'} />
      </span>
      <span className="device-text">
        <strong>
          <bdi>{device.device}</bdi>
        </strong>{' '}
        {current && <span className="badge">This device</span>}
        <span className="row-hint">
          Signed in <time dateTime={createdAt}>{dateFormat.format(new Date(createdAt))}</time>, last seen{' '}
          <time dateTime={refreshedAt} title={dateTimeFormat.format(new Date(refreshedAt))}>
            {formatRelativeTime(Date.parse(refreshedAt), now)}
          </time>
        </span>
      </span>
      {current ? (
        <SignOutButton session={session} testId="sign-out-here" label="Sign out of this device" />
      ) : (
        <button
          type="button"
          className="ghost"
          disabled={isSigningOut}
          onClick={onSignOut}
          aria-label={`Sign out ${device.device}`}
          data-testid="sign-out-device"
        >
          {isSigningOut ? 'Signing out…' : 'Sign out'}
        </button>
      )}
    </li>
  );
}
