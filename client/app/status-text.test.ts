import type { StatusReason, SyncState, SyncStatus } from '../index.ts';
import { isDataAtRisk } from '../platform/health.ts';
import { describeSignIn, describeStatus, formatLastSynced, formatRelativeTime, noticedReasons } from './status-text.ts';

const statusOf = (state: SyncState, unsent = 0, ...reasons: readonly StatusReason[]): SyncStatus => ({
  state,
  unsent,
  refused: [],
  lastSynced: undefined,
  reason: reasons[0],
  reasons,
});
const text = (state: SyncState, unsent = 0): string => describeStatus(statusOf(state, unsent)).text;

test('counts the changes that wait to be sent', () => {
  expect(text('offline')).toBe('Offline');
  expect(text('offline', 1)).toBe('Offline: 1 change waiting');
  expect(text('offline', 2)).toBe('Offline: 2 changes waiting');
  expect(text('sign-in-needed')).toBe('Sign in again to sync');
  expect(text('sign-in-needed', 3)).toBe('Sign in again to sync: 3 changes waiting');
});

test('shows Live only when no edit is unsent', () => {
  expect(text('live')).toBe('Live');
  expect(text('live', 1)).toBe('Saving');
});

test('requests attention only in states where the user must act', () => {
  const states: readonly SyncState[] = ['starting', 'catching-up', 'live', 'offline', 'sign-in-needed', 'refused'];
  const needingAttention = states.filter((state) => describeStatus(statusOf(state, 1)).tone === 'attention');
  expect(needingAttention).toEqual(['sign-in-needed', 'refused']);
});

test('only reasons with data at risk contradict that changes are kept', () => {
  const reasons: readonly StatusReason[] = [
    'database-unavailable',
    'storage-unavailable',
    'locks-unavailable',
    'channel-unavailable',
    'clock-wrong',
    'network-unreachable',
  ];
  for (const reason of reasons) {
    const { detail } = describeStatus(statusOf('offline', 1, reason));
    expect(detail.includes('saved in this browser')).toBe(!isDataAtRisk(reason));
  }
  expect(reasons.filter(isDataAtRisk)).toEqual(['database-unavailable', 'storage-unavailable']);
});

test('shows without a click what puts data at risk, and while offline what only another configuration ends', () => {
  const reasons = ['storage-unavailable', 'wrong-url', 'locks-unavailable'] as const;
  expect(noticedReasons(statusOf('offline', 0, ...reasons))).toEqual(['storage-unavailable', 'wrong-url']);
  // The next attempt may have succeeded.
  expect(noticedReasons(statusOf('catching-up', 0, ...reasons))).toEqual(['storage-unavailable']);
  expect(noticedReasons(statusOf('offline', 0, 'network-unreachable'))).toEqual([]);
});

test('an ended session needs no explanation, and any other rejected token does', () => {
  expect(describeSignIn(statusOf('sign-in-needed', 0, 'storage-unavailable', 'session-ended'))).toBe(
    'Your session has ended.',
  );
  expect(describeSignIn(statusOf('sign-in-needed', 0, 'account-suspended'))).toContain('suspended');
  expect(describeSignIn(statusOf('sign-in-needed', 0, 'token-not-yet-valid'))).toContain('clocks');
});

test('formats a time relative to now, and never as a future time', () => {
  const now = Date.UTC(2026, 10, 22, 12);
  const minutes = (count: number): number => now - count * 60_000;
  expect([0, 0.9, 1, 5.5, 59.9].map((count) => formatRelativeTime(minutes(count), now))).toEqual([
    'just now',
    'just now',
    '1 minute ago',
    '5 minutes ago',
    '59 minutes ago',
  ]);
  expect([60, 23.9 * 60, 24 * 60, 72 * 60].map((count) => formatRelativeTime(minutes(count), now))).toEqual([
    '1 hour ago',
    '23 hours ago',
    'yesterday',
    '3 days ago',
  ]);
  expect(formatRelativeTime(now + 3_600_000, now)).toBe('just now');
  expect(formatLastSynced(minutes(5), now)).toBe('Last synced 5 minutes ago');
  expect(formatLastSynced(undefined, now)).toBe('Not synced in this browser yet');
});
