import fc from 'fast-check';
import { editSourceOf, newSourceDeviceId, type EditSource } from './edit-sources.ts';
import { newDeviceId, nextEditStamp, parseDeviceId } from './edit-stamp.ts';

const stampBy = (device: string): string => nextEditStamp({ now: 0, device, seen: undefined });
const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

test('an edit tells by which door it came', () => {
  fc.assert(
    fc.property(
      fc.constantFrom<EditSource>('rest', 'telegram', 'command line', 'application'),
      random,
      (door, number) => {
        const id = newSourceDeviceId(door, () => number);
        expect(parseDeviceId(id)).toBe(id);
        expect(editSourceOf(stampBy(id))).toBe(door);
      },
    ),
  );
});

test('no device is taken for a door', () => {
  fc.assert(
    fc.property(random, (number) => {
      expect(editSourceOf(stampBy(newDeviceId(() => number)))).toBe('device');
    }),
  );
});

test('what is no stamp came by no door', () => {
  expect(editSourceOf('yesterday')).toBeUndefined();
});
