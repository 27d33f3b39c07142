import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadOrCreateSecret } from './secret-file.ts';

let directory: string;
beforeEach(async () => {
  directory = join(await mkdtemp(join(tmpdir(), 'pouchgate-secret-')), 'data');
});
afterEach(() => rm(join(directory, '..'), { recursive: true }));

test('the secret is created once, has at least 32 bytes, and only its owner can read it', async () => {
  const secret = await loadOrCreateSecret(directory);
  expect(Buffer.from(secret, 'base64url').length).toBeGreaterThanOrEqual(32);
  expect((await stat(join(directory, 'jwt-secret'))).mode & 0o777).toBe(0o600);
  await expect(loadOrCreateSecret(directory)).resolves.toBe(secret);
  await expect(readdir(directory)).resolves.toEqual(['jwt-secret']);
});

test('concurrent starts share one secret', async () => {
  const secrets = await Promise.all(Array.from({ length: 20 }, () => loadOrCreateSecret(directory)));
  expect(new Set(secrets).size).toBe(1);
  await expect(readdir(directory)).resolves.toEqual(['jwt-secret']);
});

test('a file that is too short is rejected and left unchanged', async () => {
  await loadOrCreateSecret(directory);
  await writeFile(join(directory, 'jwt-secret'), 'short');
  await expect(loadOrCreateSecret(directory)).rejects.toThrow(/jwt-secret is too short/);
  await expect(readFile(join(directory, 'jwt-secret'), 'utf8')).resolves.toBe('short');
});
