import { randomBytes } from 'node:crypto';
import { link, mkdir, open, readFile, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { MIN_SECRET_BYTES } from '../../config/schema.ts';

/**
 * The secret in `<directory>/jwt-secret`, made at the first call and kept, so that a restart signs nobody out.
 * Rejects when the file is there but is no secret: to make a new one in its place would end every session.
 */
export async function loadOrCreateSecret(directory: string): Promise<string> {
  const file = join(directory, 'jwt-secret');
  await mkdir(directory, { recursive: true });
  const existing = await readSecret(file);
  if (existing !== undefined) return existing;

  const draft = join(directory, `.jwt-secret-${randomBytes(6).toString('hex')}`);
  await writeAndSync(draft, randomBytes(48).toString('base64url'));
  try {
    // A link is made whole or not at all and never over another file: two starts at once end with one secret.
    await link(draft, file);
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error;
  } finally {
    await unlink(draft);
  }
  const created = await readSecret(file);
  if (created === undefined) throw new Error(`${file} has gone as soon as it was made.`);
  return created;
}

async function readSecret(file: string): Promise<string | undefined> {
  let text: string;
  try {
    text = (await readFile(file, 'utf8')).trim();
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
  if (Buffer.byteLength(text) >= MIN_SECRET_BYTES) return text;
  throw new Error(`${file} is too short for a secret. Restore it, or remove it to sign everybody out.`);
}

/** Readable by the owner alone, and on the disk before anything is signed with it. */
async function writeAndSync(file: string, text: string): Promise<void> {
  const handle = await open(file, 'wx', 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

const errorCode = (error: unknown): unknown =>
  typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
