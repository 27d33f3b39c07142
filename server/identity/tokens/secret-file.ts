import { randomBytes } from 'node:crypto';
import { link, mkdir, open, readFile, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { SHORTEST_SECRET_BYTES } from '../../config/schema.ts';

/**
 * The secret in `<directory>/jwt-secret`, made at the first call and kept, so that a restart signs nobody out.
 * Rejects when the file is there but is no secret: to make a new one in its place would end every session.
 */
export async function keepSecret(directory: string): Promise<string> {
  const file = join(directory, 'jwt-secret');
  await mkdir(directory, { recursive: true });
  const kept = await readSecret(file);
  if (kept !== undefined) return kept;

  const draft = join(directory, `.jwt-secret-${randomBytes(6).toString('hex')}`);
  await writeWhole(draft, randomBytes(48).toString('base64url'));
  try {
    // A link is made whole or not at all and never over another file: two starts at once end with one secret.
    await link(draft, file);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  } finally {
    await unlink(draft);
  }
  const made = await readSecret(file);
  if (made === undefined) throw new Error(`${file} has gone as soon as it was made.`);
  return made;
}

async function readSecret(file: string): Promise<string | undefined> {
  let text: string;
  try {
    text = (await readFile(file, 'utf8')).trim();
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
  if (Buffer.byteLength(text) >= SHORTEST_SECRET_BYTES) return text;
  throw new Error(`${file} is too short for a secret. Restore it, or remove it to sign everybody out.`);
}

/** Readable by the owner alone, and on the disk before anything is signed with it. */
async function writeWhole(file: string, text: string): Promise<void> {
  const handle = await open(file, 'wx', 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

const codeOf = (error: unknown): unknown =>
  typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
