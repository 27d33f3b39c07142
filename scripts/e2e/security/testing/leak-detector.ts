import type { ObservedResponse } from '../../../../server/cli/attack/http/observed-response.ts';
import { errorSchema } from '../../../../server/contract.ts';
import type { RecordedServer } from './recorded-server.ts';

/** Returns the texts of a response that reveal bob or the database behind the gate; empty when there is no leak. */
export function findLeaks(
  server: RecordedServer,
  { head, body }: ObservedResponse,
  requestNamesOthers: boolean,
): readonly string[] {
  const text = `${head}\n${body}`;
  const forbiddenTexts = [
    server.bob.canary,
    // The part of a revision that no request can guess.
    ...server.bob.revisions.map((revision) => revision.slice(revision.indexOf('-') + 1)),
    ...(requestNamesOthers ? [] : ['user_bob', 'checkpoints:', 'merged:', 'suspended:']),
    ...server.internalTexts,
    'crowd-',
  ];
  return forbiddenTexts.filter((forbidden) => text.includes(forbidden));
}

/** Reads a `fetch` response as a client observes it. */
export async function readResponse(response: Response): Promise<ObservedResponse> {
  const head = [`${response.status} ${response.statusText}`, ...[...response.headers].map((pair) => pair.join(': '))];
  return { status: response.status, head: head.join('\n'), body: await response.text() };
}

/** Whether a body is an error in CouchDB's shape, which PouchDB and people can read, with at most the code of a refused token. */
export function isCouchError(body: string): boolean {
  try {
    return errorSchema.safeParse(JSON.parse(body)).success;
  } catch {
    return false;
  }
}
