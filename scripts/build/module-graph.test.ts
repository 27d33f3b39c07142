import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { traceModules } from './module-graph.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'module-graph-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

function trace(entry: string, files: Readonly<Record<string, string>>): { files: string[]; packages: string[] } {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
  const { files: reached, packages } = traceModules([join(directory, entry)]);
  return { files: [...reached].map((file) => file.slice(directory.length + 1)), packages: [...packages.keys()] };
}

it('follows static and dynamic imports of code', () => {
  const graph = trace('a.js', {
    'a.js': "import './b.js';\nexport * from './c.js';\nconst d = await import('./d.js');",
    'b.js': "import x from '@scope/name/deep';\nimport 'node:fs';\nimport 'path';",
    'c.js': "import { y } from 'other/deep';",
    'd.js': '',
    'unused.js': "import 'unused';",
  });
  expect(graph.files).toEqual(['a.js', 'b.js', 'c.js', 'd.js']);
  expect(graph.packages).toEqual(['@scope/name', 'other']);
});

it('follows imports and references to types in declarations', () => {
  const graph = trace('a.d.ts', {
    'a.d.ts': '/// <reference types="globals" />\nimport type { B } from \'./b.ts\';\nexport declare const b: B;',
    'b.d.ts': "export type B = import('lib').C & import('./c.js').C;",
    'c.d.ts': 'export interface C {}',
  });
  expect(graph.files).toEqual(['a.d.ts', 'b.d.ts', 'c.d.ts']);
  expect(graph.packages.sort()).toEqual(['@types/globals', 'lib']);
});

it('throws for an import of a file that does not exist', () => {
  expect(() => trace('a.js', { 'a.js': "import './gone.js';" })).toThrow('imports ./gone.js, which does not exist');
});
