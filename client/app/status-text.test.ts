import type { SyncState } from '../index.ts';
import { statusText } from './status-text.ts';

const text = (state: SyncState, unsent = 0): string => statusText({ state, unsent, refused: [] }).text;

test('a person is told how many changes wait, in words', () => {
  expect(text('offline')).toBe('Offline');
  expect(text('offline', 1)).toBe('Offline: 1 change waiting');
  expect(text('offline', 2)).toBe('Offline: 2 changes waiting');
  expect(text('sign-in-needed')).toBe('Sign in again to sync');
  expect(text('sign-in-needed', 3)).toBe('Sign in again to sync: 3 changes waiting');
});

test('live is only said when nothing is on its way', () => {
  expect(text('live')).toBe('Live');
  expect(text('live', 1)).toBe('Saving');
});

test('only what needs the person asks for attention', () => {
  const states: readonly SyncState[] = ['starting', 'catching-up', 'live', 'offline', 'sign-in-needed', 'refused'];
  const asking = states.filter((state) => statusText({ state, unsent: 1, refused: [] }).tone === 'attention');
  expect(asking).toEqual(['sign-in-needed', 'refused']);
});
