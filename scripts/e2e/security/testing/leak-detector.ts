import type { RecordedServer } from './recorded-server.ts';

/** Anything that a client may see of an answer. */
export interface ObservedResponse {
  readonly status: number;
  readonly head: string;
  readonly body: string;
}

/** What was told of bob, or of the database behind the gate, in an answer; empty: nothing was. */
export function findLeaks(
  server: RecordedServer,
  { head, body }: ObservedResponse,
  requestNamesOthers: boolean,
): readonly string[] {
  const text = `${head}\n${body}`;
  const forbiddenTexts = [
    server.bob.canary,
    // The part of a revision that no request can have guessed.
    ...server.bob.revisions.map((revision) => revision.slice(revision.indexOf('-') + 1)),
    ...(requestNamesOthers ? [] : ['user_bob', 'checkpoints:', 'suspended:']),
    ...server.internalTexts,
    'crowd-',
  ];
  return forbiddenTexts.filter((word) => text.includes(word));
}

/** Reads a `fetch` answer as a client may see it. */
export async function readResponse(response: Response): Promise<ObservedResponse> {
  const head = [`${response.status} ${response.statusText}`, ...[...response.headers].map((pair) => pair.join(': '))];
  return { status: response.status, head: head.join('\n'), body: await response.text() };
}

/** An error's body is CouchDB's, so that PouchDB and people can read it. */
export function isCouchError(body: string): boolean {
  try {
    const { error, reason, ...more } = JSON.parse(body) as Record<string, unknown>;
    return typeof error === 'string' && typeof reason === 'string' && Object.keys(more).length === 0;
  } catch {
    return false;
  }
}
