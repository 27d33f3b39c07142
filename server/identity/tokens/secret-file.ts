import { randomBytes } from 'node:crypto';
import { link, mkdir, open, readFile, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { MIN_SECRET_BYTES } from '../../config/schema.ts';

/**
 * Reads the secret in `<directory>/jwt-secret`, creating it at the first call, so that sessions survive a restart.
 *
 * @throws Error when the file exists but holds no secret. Replacing it would end every session.
 */
export async function loadOrCreateSecret(directory: string): Promise<string> {
  const file = join(directory, 'jwt-secret');
  await mkdir(directory, { recursive: true });
  const existing = await readSecret(file);
  if (existing !== undefined) return existing;

  const draft = join(directory, `.jwt-secret-${randomBytes(6).toString('hex')}`);
  await writeAndSync(draft, randomBytes(48).toString('base64url'));
  try {
    // `link` is atomic and never replaces a file, so two processes that start at once share one secret.
    await link(draft, file);
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error;
  } finally {
    await unlink(draft);
  }
  const created = await readSecret(file);
  if (created === undefined) throw new Error(`${file} disappeared right after it was created.`);
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
  throw new Error(`${file} is too short for a secret. Restore it, or remove it, which signs every user out.`);
}

/** Writes a file that only its owner can read, and syncs it to disk before anything is signed with it. */
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
