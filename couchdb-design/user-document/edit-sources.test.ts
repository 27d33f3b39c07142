import fc from 'fast-check';
import { editSourceOf, newSourceDeviceId, type EditSource } from './edit-sources.ts';
import { newDeviceId, nextEditStamp, parseDeviceId } from './edit-stamp.ts';

const stampBy = (device: string): string => nextEditStamp({ now: 0, device, seen: undefined });
const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

test('an edit’s stamp identifies its source', () => {
  fc.assert(
    fc.property(
      fc.constantFrom<EditSource>('rest', 'telegram', 'command line', 'application', 'import'),
      random,
      (source, number) => {
        const id = newSourceDeviceId(source, () => number);
        expect(parseDeviceId(id)).toBe(id);
        expect(editSourceOf(stampBy(id))).toBe(source);
      },
    ),
  );
});

test('no device id is one of another source', () => {
  fc.assert(
    fc.property(random, (number) => {
      expect(editSourceOf(stampBy(newDeviceId(() => number)))).toBe('device');
    }),
  );
});

test('an invalid stamp has no source', () => {
  expect(editSourceOf('yesterday')).toBeUndefined();
});
