import { createContext, Script } from 'node:vm';
import { z } from 'zod';
import { forbidden, HttpError } from '../../http/errors.ts';
import type { Json, LocalPouch } from './pouchdb.ts';

/** The writer as `validate_doc_update` sees it. https://docs.couchdb.org/en/stable/json-structure.html#user-context-object */
export interface UserContext {
  readonly db: string;
  readonly name: string | null;
  readonly roles: readonly string[];
}

export interface ProposedWrite {
  readonly next: Json;
  /** The body of the revision that the write updates; null when there is none. */
  readonly previous: Json | null;
  readonly user: UserContext;
  readonly security: unknown;
}

/** Returns the error of a rejected write, or undefined. */
export type Validation = (write: ProposedWrite) => HttpError | undefined;

/** Limit for one call, so that an endless function does not block the process. */
const TIME_LIMIT_MS = 1_000;

/**
 * Compiles every `validate_doc_update`, as a minimal version of CouchDB's query server: each function runs in its own
 * JavaScript realm with the few globals that it has in CouchDB, and gets only JSON as arguments.
 * https://docs.couchdb.org/en/stable/ddocs/ddocs.html#validate-document-update-functions
 */
export async function compileValidations(pouch: LocalPouch): Promise<Validation[]> {
  const designs = await pouch.allDocs<Json>({ startkey: '_design/', endkey: '_design0', include_docs: true });
  return designs.rows.flatMap(({ id, doc }) => {
    const source: unknown = (doc as Json | undefined)?.['validate_doc_update'];
    return typeof source === 'string' ? [compileValidation(id, source)] : [];
  });
}

const outcomeSchema = z.object({ forbidden: z.unknown(), unauthorized: z.unknown(), failed: z.unknown() }).partial();

const CALL_SCRIPT = new Script('validate(proposed)');

/** Compiles one function. Throws when the source is not a function; then nothing can be written, as in CouchDB. */
export function compileValidation(id: string, source: string): Validation {
  const realm = { proposed: '' };
  createContext(realm);
  new Script(
    REALM_SOURCE.replace('SOURCE', () => source.trim().replace(/;+$/, '')),
    { filename: id },
  ).runInContext(realm);
  return ({ next, previous, user, security }) => {
    realm.proposed = JSON.stringify([next, previous, user, security]);
    const outcome = outcomeSchema.parse(
      JSON.parse(String(CALL_SCRIPT.runInContext(realm, { timeout: TIME_LIMIT_MS }))),
    );
    if (outcome.forbidden !== undefined) return forbidden(formatReason(outcome.forbidden));
    if (outcome.unauthorized !== undefined)
      return new HttpError(401, 'unauthorized', formatReason(outcome.unauthorized));
    if (outcome.failed !== undefined) return new HttpError(500, 'unknown_error', formatReason(outcome.failed));
    return undefined;
  };
}

const REALM_SOURCE = `
  var isArray = Array.isArray, toJSON = JSON.stringify, log = function () {};
  var sum = function (values) { return values.reduce(function (a, b) { return a + b; }, 0); };
  var validate = (function (rule) {
    if (typeof rule !== 'function') throw new TypeError('validate_doc_update is not a function');
    return function (proposed) {
      try { rule.apply(null, JSON.parse(proposed)); return '{}'; }
      catch (thrown) {
        if (thrown && thrown.forbidden !== undefined) return JSON.stringify({ forbidden: thrown.forbidden });
        if (thrown && thrown.unauthorized !== undefined) return JSON.stringify({ unauthorized: thrown.unauthorized });
        return JSON.stringify({ failed: String(thrown) });
      }
    };
  })(SOURCE
  );`;

const formatReason = (reason: unknown): string => (typeof reason === 'string' ? reason : JSON.stringify(reason));
