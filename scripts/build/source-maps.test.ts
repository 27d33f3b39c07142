import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { includeSources } from './source-maps.ts';

it('copies the source into the package, and refers to the copy', () => {
  const root = mkdtempSync(join(tmpdir(), 'source-maps-'));
  try {
    const mapFile = join(root, 'dist/x/dist/lib/a.js.map');
    mkdirSync(dirname(mapFile), { recursive: true });
    mkdirSync(join(root, 'lib'));
    writeFileSync(join(root, 'lib/a.ts'), 'export {};');
    writeFileSync(mapFile, JSON.stringify({ version: 3, sources: ['../../../../lib/a.ts'], mappings: '' }));
    includeSources(mapFile, root, join(root, 'dist/x/src'));

    const { sources } = JSON.parse(readFileSync(mapFile, 'utf8')) as { sources: string[] };
    expect(sources).toEqual(['../../src/lib/a.ts']);
    expect(existsSync(resolve(dirname(mapFile), sources[0] ?? ''))).toBe(true);
  } finally {
    rmSync(root, { recursive: true });
  }
});
