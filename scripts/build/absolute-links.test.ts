import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeLinksAbsolute } from './absolute-links.ts';
import { PACKAGES } from './packages.ts';

const ROOT = join(__dirname, '../..');
const repository = 'https://code.example/owner/name';
const convert = (markdown: string, file = 'README.md'): string => makeLinksAbsolute(markdown, { repository, file });

it.each([
  ['a link', '[page](docs/page.md#part)', `[page](${repository}/blob/HEAD/docs/page.md#part)`],
  ['an image', '![a picture](docs/a.png)', `![a picture](${repository}/raw/HEAD/docs/a.png)`],
  [
    'an image in a link',
    '[![a](a.png)](docs/b.md)',
    `[![a](${repository}/raw/HEAD/a.png)](${repository}/blob/HEAD/docs/b.md)`,
  ],
  ['a link with code', '[`x`](docs/x.md)', `[\`x\`](${repository}/blob/HEAD/docs/x.md)`],
  ['a link definition', '[page]: docs/page.md', `[page]: ${repository}/blob/HEAD/docs/page.md`],
  [
    'HTML',
    '<img src="a.png" width="9"> <a href="b.md">b</a>',
    `<img src="${repository}/raw/HEAD/a.png" width="9"> <a href="${repository}/blob/HEAD/b.md">b</a>`,
  ],
])('makes %s absolute', (_name, markdown, expected) => {
  expect(convert(markdown)).toBe(expected);
});

it('resolves links relative to the file', () => {
  expect(convert('[a](../docs/a.md) [b](b.md)', 'client/README.md')).toBe(
    `[a](${repository}/blob/HEAD/docs/a.md) [b](${repository}/blob/HEAD/client/b.md)`,
  );
});

it.each([
  '[x](https://example.org/x) <img src="https://example.org/x.png"> [m](mailto:x@example.org)',
  '[part](#part)',
  '`[x](y.md)`',
  '```md\n[x](y.md)\n![x](y.png)\n```\n',
])('does not change %j', (markdown) => {
  expect(convert(markdown)).toBe(markdown);
});

it.each(PACKAGES.map(({ readme }) => readme))('%s links only to files that exist', (readme) => {
  const markdown = makeLinksAbsolute(readFileSync(join(ROOT, readme), 'utf8'), { repository, file: readme });
  const targets = [...markdown.matchAll(/https:\/\/code\.example\/owner\/name\/(?:raw|blob)\/HEAD\/([^)#\s"]+)/g)];
  expect(targets.length).toBeGreaterThan(0);
  for (const [, path = ''] of targets) expect([path, existsSync(join(ROOT, path))]).toEqual([path, true]);
});
