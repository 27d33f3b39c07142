import { opaqueTagOf } from './entity-tag.ts';

test.each([
  ['"1-a"', '1-a'],
  ['W/"1-a"', '1-a'],
  ['"1-a-gzip"', '1-a'],
  ['W/"1-a-br"', '1-a'],
  ['""', ''],
  ['1-a', undefined],
  ['*', undefined],
  ['w/"1-a"', undefined],
  ['W/1-a', undefined],
  ['"1-a', undefined],
  ['"1-a" "2-b"', undefined],
])('the opaque tag of %s is %s', (entityTag, opaqueTag) => {
  expect(opaqueTagOf(entityTag)).toBe(opaqueTag);
});
