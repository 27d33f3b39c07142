import { chooseCanaryFields } from './canary-field.ts';

const candidates = (document: Record<string, unknown>, preference?: string): readonly (readonly [string, unknown])[] =>
  chooseCanaryFields(document, preference).map(({ key, toValue }) => [key, toValue('x')] as const);

test('the built-in list of texts is tried first, then what an application’s document has, as a list and as a text', () => {
  const preferences = { density: 'compact', count: 3, labels: ['a'], isOpen: true };
  expect(candidates({ preferences })).toEqual([
    ['selectedTags', ['x']],
    ['selectedTags', 'x'],
    ['density', ['x']],
    ['density', 'x'],
    ['labels', ['x']],
    ['labels', 'x'],
  ]);
});

test('a named preference is the only one', () => {
  expect(candidates({ preferences: { theme: 'dark' } }, 'note')).toEqual([
    ['note', ['x']],
    ['note', 'x'],
  ]);
});
