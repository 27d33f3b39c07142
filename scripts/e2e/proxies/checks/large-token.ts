/** The largest token that a gate accepts passes through a proxy, for a user with the longest document id. */
import { encodeSubject, userDocumentId } from '../../../../couchdb-design/user-document/user-document.ts';
import { MAX_TOKEN_LENGTH } from '../../../../server/http/token-refusal.ts';
import type { Gates } from '../testing/gates.ts';
import type { Path } from '../testing/paths.ts';
import type { Outcome } from './outcome.ts';

const LONGEST_SUBJECT = '😀'.repeat(255);

export async function checkLargeToken(gates: Pick<Gates, 'registry' | 'token'>, path: Path): Promise<Outcome> {
  const length = gates.token(LONGEST_SUBJECT).length;
  // Base64url has four characters for three bytes.
  const groups = 'g'.repeat(Math.floor(((MAX_TOKEN_LENGTH - length) * 3) / 4) - 16);
  const token = gates.token(LONGEST_SUBJECT, { groups });
  const username = encodeSubject(LONGEST_SUBJECT);
  if (username === undefined) throw new Error('not a subject');
  const id = encodeURIComponent(userDocumentId(username));
  const response = await path.fetch(`${path.url}/sync/${gates.registry}/${id}`, {
    headers: { authorization: `Bearer ${token}` },
  });
  const passed = response.status === 200 && ((await response.json()) as { username?: unknown }).username === username;
  return { passed, note: `${token.length} characters, status ${response.status}` };
}
