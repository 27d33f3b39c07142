import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { MAX_DOCUMENT_BYTES } from '../../../couchdb-design/user-document/user-document.ts';
import { signUpstreamToken } from '../../upstream/authorization.ts';
import { parseSession } from '../../upstream/connect.ts';
import type { DoctorContext } from './context.ts';
import { errorFinding, okFinding, type Finding } from './finding.ts';

const LIFETIME_SECONDS = 60;

/** The result of a request. */
interface Outcome {
  readonly status: number;
  readonly body: unknown;
}

/**
 * Sends requests as a user, with a name that no user can have: a read, a read with an expired token, and the largest write,
 * to a document of another user. CouchDB must refuse the write by `validate_doc_update`, which it runs after all other
 * checks, so nothing is stored.
 */
export async function checkUserRequests(context: DoctorContext, jwtSecret: Buffer): Promise<Finding[]> {
  const { config } = context;
  const name = `Doctor-${randomBytes(8).toString('hex')}`;
  const document = `/${encodeURIComponent(config.registry)}/${config.idPrefix}${name.toLowerCase()}`;
  const send = async (path: string, lifetimeSeconds: number, body?: object): Promise<Outcome> => {
    const expiresAt = Math.floor(context.upstream.clock.now() / 1000) + lifetimeSeconds;
    const response = await context.upstream.fetch(path, {
      method: body === undefined ? 'GET' : 'PUT',
      headers: {
        authorization: `Bearer ${signUpstreamToken(jwtSecret, { name, expiresAt })}`,
        accept: 'application/json',
        'content-type': 'application/json',
      },
      redirect: 'manual',
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: await response.json().catch(() => undefined) };
  };
  const read = await send(document, LIFETIME_SECONDS);
  const write = await send(document, LIFETIME_SECONDS, documentOfSize(MAX_DOCUMENT_BYTES));
  const findings = [
    evaluateRead(read),
    evaluateExpired(parseSession((await send('/_session', -LIFETIME_SECONDS)).body)?.name === name),
    evaluateForeignWrite(write),
  ];
  await removeStored(context, document, write);
  return findings;
}

/** A document whose JSON has this many bytes. */
function documentOfSize(bytes: number): object {
  const length = bytes - JSON.stringify({ padding: '' }).length;
  return { padding: 'x'.repeat(length) };
}

const reasonOf = (body: unknown): string =>
  z.object({ reason: z.string().min(1) }).safeParse(body).data?.reason ?? 'no reason given';

/** A user's document that does not exist is 404. */
export const evaluateRead = ({ status, body }: Outcome): Finding =>
  status === 404
    ? okFinding("users' reads", "CouchDB responds to a user's read.")
    : errorFinding(
        "users' reads",
        `A user's read fails in CouchDB (status ${status}, ${reasonOf(body)}). Run "npm run setup".`,
      );

/** `isAccepted`: whether CouchDB handled a request with an expired token as one of the token's user. */
export const evaluateExpired = (isAccepted: boolean): Finding =>
  isAccepted
    ? errorFinding(
        'expired tokens',
        'CouchDB accepts expired tokens. Set [jwt_auth] required_claims to exp on all nodes.',
      )
    : okFinding('expired tokens', 'CouchDB rejects expired tokens.');

/** Evaluates a write of the largest size to another user's document. */
export function evaluateForeignWrite({ status, body }: Outcome): Finding {
  const check = "users' writes";
  const summary = `(status ${status}, ${reasonOf(body)})`;
  switch (status) {
    case 403:
      return okFinding(check, "CouchDB itself rejects a user's write to another user's document.");
    case 413:
      return errorFinding(
        check,
        `CouchDB rejects documents of ${MAX_DOCUMENT_BYTES} bytes ${summary}, the largest that users write. Raise [couchdb] max_document_size and [chttpd] max_http_request_size on all nodes.`,
      );
    case 201:
    case 202:
      return errorFinding(
        check,
        'CouchDB stores a user\'s write to another user\'s document. Run "npm run setup -- --replace".',
      );
    default:
      return errorFinding(check, `A user's write fails in CouchDB ${summary}. Run "npm run setup", and check its log.`);
  }
}

const storedSchema = z.object({ rev: z.string() });

/** Deletes what a CouchDB without the check has stored. */
async function removeStored({ upstream, config }: DoctorContext, path: string, { body }: Outcome): Promise<void> {
  const rev = storedSchema.safeParse(body).data?.rev;
  const id = path.split('/').at(-1);
  if (rev !== undefined && id !== undefined) await upstream.couch.use(config.registry).destroy(id, rev);
}
