/** Runs docs/recipes as a reader would: in a project that has the packed package and none of the sources. */
import { scaleMs } from '../../../couchdb-design/testing/patience.ts';
import { execFile } from 'node:child_process';
import { cpSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const RECIPES = join(import.meta.dirname, '../../../docs/recipes');
const run = promisify(execFile);
const MAX_RUN_MS = scaleMs(180_000);

/**
 * Runs every recipe.
 *
 * @param folder a project with the package, and the packages that the recipes import, in `node_modules`
 * @returns the number of recipes, for example `5 recipes`
 * @throws when a recipe fails or does not end within 180 seconds
 */
export async function checkRecipes(folder: string): Promise<string> {
  const recipes = readdirSync(RECIPES).filter((name) => name.endsWith('.mjs'));
  for (const name of recipes) cpSync(join(RECIPES, name), join(folder, name));
  writeFileSync(
    join(folder, 'jest.config.json'),
    JSON.stringify({ transform: {}, testMatch: ['**/*.test.mjs'], moduleFileExtensions: ['mjs', 'js', 'json'] }),
  );
  const env = { PATH: process.env['PATH'] ?? '' };
  const options = { cwd: folder, timeout: MAX_RUN_MS, env };
  for (const name of recipes.filter((file) => !file.endsWith('.test.mjs'))) {
    await run(process.execPath, [name], options).catch((error: unknown) => {
      throw new Error(`${name}: ${describeFailure(error)}`);
    });
  }
  const jest = join(import.meta.dirname, '../../../node_modules/jest/bin/jest.js');
  const moduleOptions = { ...options, env: { ...env, NODE_OPTIONS: '--experimental-vm-modules' } };
  await run(
    process.execPath,
    // Jest's own limit of 5 seconds is too short for a server that starts on a busy machine.
    [jest, '--rootDir', folder, '--config', join(folder, 'jest.config.json'), `--testTimeout=${MAX_RUN_MS}`],
    moduleOptions,
  ).catch((error: unknown) => {
    throw new Error(`The recipe for Jest: ${describeFailure(error)}`);
  });
  await checkVitestRecipe(folder);
  return `${recipes.length + 1} recipes`;
}

async function checkVitestRecipe(folder: string): Promise<void> {
  const name = 'preferences-vitest.test.ts';
  cpSync(join(RECIPES, name), join(folder, name));
  const vitest = join(import.meta.dirname, '../../../node_modules/vitest/vitest.mjs');
  const options = { cwd: folder, timeout: MAX_RUN_MS, env: { PATH: process.env['PATH'] ?? '' } };
  await run(
    process.execPath,
    [vitest, 'run', name, `--testTimeout=${MAX_RUN_MS}`, `--hookTimeout=${MAX_RUN_MS}`],
    options,
  ).catch((error: unknown) => {
    throw new Error(`The recipe for Vitest: ${describeFailure(error)}`);
  });
}

const describeFailure = (error: unknown): string => {
  const { stdout = '', stderr = '', message = String(error) } = error as Partial<Record<string, string>>;
  return `${message}\n${stdout}${stderr}`;
};
