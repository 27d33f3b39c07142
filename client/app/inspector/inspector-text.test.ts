import { groupEvents, describeEvent, shortenRevision, formatStamp } from './inspector-text.ts';

test('a stamp is read as its time and its device, and this device is called so', () => {
  const stamp = '2026-11-22T09:30:01.123Z-0000-w7f3a';
  expect(formatStamp(stamp, 'w7f3a')).toMatchObject({ device: 'this device', isThisDevice: true });
  expect(formatStamp(stamp, 'other')).toMatchObject({ device: 'w7f3a', isThisDevice: false });
  expect(formatStamp(stamp, 'other').time).toMatch(/22 Nov.*30:01\.123/);
});

test('an edit by a door that is no device says by which', () => {
  const by = (device: string): string => formatStamp(`2026-11-22T09:30:01.123Z-0000-${device}`, 'w7f3a').device;
  expect([by('0r1ab'), by('0t1ab'), by('0c1ab')]).toEqual(['via REST', 'via Telegram', 'via the command line']);
});

test('what is not understood is shown as it is', () => {
  expect(formatStamp('tomorrow', 'other')).toEqual({ time: 'tomorrow', device: '', isThisDevice: false });
  expect(describeEvent('something-new')).toBe('something-new');
});

test('a revision is shortened, and keeps its generation', () => {
  expect(shortenRevision('12-3fa9c21b0e5d4c6a8f7e1d2c3b4a5968')).toBe('12-3fa9c21');
});

test('events come newest first, and the same in a row once', () => {
  const events = ['answered', 'caught-up', 'caught-up', 'interrupted'].map((text, at) => ({ at, text }));
  expect(groupEvents(events).map(({ at, count }) => [at, count])).toEqual([
    [3, 1],
    [2, 2],
    [0, 1],
  ]);
});
