/** Runs docs/recipes as their readers would: beside the packed package, in a project that has nothing of the sources. */
import { execFile } from 'node:child_process';
import { cpSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const RECIPES = join(import.meta.dirname, '../../../docs/recipes');
const run = promisify(execFile);
/** In ms. */
const MAX_RUN_MS = 60_000;

/** `folder` has the package in its `node_modules`, and beside it what the recipes import. Resolves with how many there are. */
export async function checkRecipes(folder: string): Promise<string> {
  const all = readdirSync(RECIPES).filter((name) => name.endsWith('.mjs'));
  for (const name of all) cpSync(join(RECIPES, name), join(folder, name));
  writeFileSync(
    join(folder, 'jest.config.json'),
    JSON.stringify({ transform: {}, testMatch: ['**/*.test.mjs'], moduleFileExtensions: ['mjs', 'js', 'json'] }),
  );
  const env = { PATH: process.env['PATH'] ?? '' };
  const options = { cwd: folder, timeout: MAX_RUN_MS, env };
  for (const name of all.filter((each) => !each.endsWith('.test.mjs'))) {
    await run(process.execPath, [name], options).catch((error: unknown) => {
      throw new Error(`${name}: ${describeFailure(error)}`);
    });
  }
  const jest = join(import.meta.dirname, '../../../node_modules/jest/bin/jest.js');
  const asModules = { ...options, env: { ...env, NODE_OPTIONS: '--experimental-vm-modules' } };
  await run(
    process.execPath,
    [jest, '--rootDir', folder, '--config', join(folder, 'jest.config.json')],
    asModules,
  ).catch((error: unknown) => {
    throw new Error(`The recipe for Jest: ${describeFailure(error)}`);
  });
  return `${all.length} recipes`;
}

const describeFailure = (error: unknown): string => {
  const { stdout = '', stderr = '', message = String(error) } = error as Partial<Record<string, string>>;
  return `${message}\n${stdout}${stderr}`;
};
