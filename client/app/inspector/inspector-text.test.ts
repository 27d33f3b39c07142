import { groupEvents, describeEvent, shortenRevision, formatStamp } from './inspector-text.ts';

test('formats a stamp as its time and device, and marks this device', () => {
  const stamp = '2026-11-22T09:30:01.123Z-0000-w7f3a';
  expect(formatStamp(stamp, 'w7f3a')).toMatchObject({ device: 'this device', isThisDevice: true });
  expect(formatStamp(stamp, 'other')).toMatchObject({ device: 'w7f3a', isThisDevice: false });
  expect(formatStamp(stamp, 'other').time).toMatch(/22 Nov.*30:01\.123/);
});

test('names the interface of an edit that was not made on a device', () => {
  const sourceOf = (device: string): string => formatStamp(`2026-11-22T09:30:01.123Z-0000-${device}`, 'w7f3a').device;
  expect([sourceOf('0r1ab'), sourceOf('0t1ab'), sourceOf('0c1ab')]).toEqual([
    'via REST',
    'via Telegram',
    'via the command line',
  ]);
});

test('shows an unknown stamp or event unchanged', () => {
  expect(formatStamp('tomorrow', 'other')).toEqual({ time: 'tomorrow', device: '', isThisDevice: false });
  expect(describeEvent('something-new')).toBe('something-new');
  expect(describeEvent('interrupted: wrong-url')).toBe('There is no connection (wrong-url)');
});

test('shortens a revision and keeps its generation', () => {
  expect(shortenRevision('12-3fa9c21b0e5d4c6a8f7e1d2c3b4a5968')).toBe('12-3fa9c21');
});

test('lists events newest first and groups equal consecutive ones', () => {
  const events = ['answered', 'caught-up', 'caught-up', 'interrupted'].map((text, at) => ({ at, text }));
  expect(groupEvents(events).map(({ at, count }) => [at, count])).toEqual([
    [3, 1],
    [2, 2],
    [0, 1],
  ]);
});
