import { createContext, Script } from 'node:vm';
import { z } from 'zod';
import { forbidden, HttpError } from '../../http/errors.ts';
import type { Json, LocalPouch } from './pouchdb.ts';

/** Who writes, as a design document sees them. https://docs.couchdb.org/en/stable/json-structure.html#user-context-object */
export interface UserContext {
  readonly db: string;
  readonly name: string | null;
  readonly roles: readonly string[];
}

export interface ProposedWrite {
  readonly next: Json;
  /** The body that the write builds upon, null when there is none. */
  readonly previous: Json | null;
  readonly user: UserContext;
  readonly security: unknown;
}

/** Returns the refusal, or undefined when the write may pass. */
export type Validation = (write: ProposedWrite) => HttpError | undefined;

/** A function that never ends must not stop the whole process. */
const TIME_LIMIT_MS = 1_000;

/**
 * CouchDB's query server in small: each function in a JavaScript realm of its own with the few globals that it has there,
 * and with arguments that are nothing but JSON.
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

/** Throws what is wrong with the source when it is no function: then nothing can be written, as with CouchDB. */
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
    if (typeof rule !== 'function') throw new TypeError('validate_doc_update is no function');
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
