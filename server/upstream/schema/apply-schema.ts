import type nano from 'nano';
import pRetry from 'p-retry';
import { statusOf } from '../client.ts';
import { waitForDatabase, type UpstreamAccount } from '../connect.ts';
import { SetupError, withOperatorMessage } from '../setup-error.ts';
import { applySchemaStep } from './apply-step.ts';
import { readDatabaseDesign, type DatabaseDesign } from './design-documents.ts';
import { planSchema, type DesiredSchema } from './plan-schema.ts';
import { readSchemaState } from './read-schema-state.ts';
import { describeSchemaStep, type SchemaPlan, type SchemaPlanItem } from './schema-plan.ts';
import { SERVER_ADMIN } from './security-objects.ts';

export interface ApplySchemaOptions {
  readonly couch: nano.ServerScope;
  /** The names of the databases. */
  readonly registry: string;
  readonly sessions: string;
  /** The prefix of user documents' ids. Default: `user_`. */
  readonly idPrefix?: string;
  /** The registry's design documents and access rules. Default: read from couchdb-design/user_registry. */
  readonly design?: DatabaseDesign;
  /** The account of `couch`. Default: waits for the upstream to respond, and requests it. */
  readonly account?: UpstreamAccount;
}

export interface SchemaOutcome {
  /** A database or a part of it: `user_registry`, `user_registry/_security`, `user_registry/_design/registry`. */
  readonly subject: string;
  readonly outcome: 'made' | 'changed' | 'unchanged';
}

/** Another process may write the same design document at the same time. */
const MAX_ATTEMPTS = 5;

/**
 * Creates and corrects the databases, their access rules and the design documents. Writes only what differs, so it may
 * run at every start and in several processes at once. Replaces what was changed by hand.
 *
 * @throws {SetupError} If the account is not a server admin, if the registry's documents have another id prefix (nothing
 * is written then), or if CouchDB rejects a request.
 */
export async function applySchema(options: ApplySchemaOptions): Promise<SchemaOutcome[]> {
  const { couch, registry, sessions } = options;
  const design = options.design ?? (await readDatabaseDesign(options.idPrefix));
  const { name, roles } = options.account ?? (await waitForDatabase(couch));
  if (!roles.includes(SERVER_ADMIN)) {
    throw new SetupError(`${name ?? 'The anonymous user'} is not a server admin of the upstream. Set-up requires one.`);
  }
  const desired = { registry, sessions, design, admitsServiceToUsers: false };
  const outcomes = new Map<string, SchemaOutcome['outcome']>();
  const applyPlan = async (): Promise<void> => {
    const plan = await planFromUpstream(couch, desired);
    for (const item of plan.items) {
      const outcome = await applyItem(couch, item);
      if (outcome !== 'unchanged' || !outcomes.has(item.subject)) outcomes.set(item.subject, outcome);
    }
  };
  await pRetry(applyPlan, {
    retries: MAX_ATTEMPTS - 1,
    minTimeout: 0,
    shouldRetry: ({ error }) => isConflict(error),
  });
  return Array.from(outcomes, ([subject, outcome]) => ({ subject, outcome }));
}

/** Of the blockers only another id prefix stops a start: its gates serve other documents. */
async function planFromUpstream(couch: nano.ServerScope, desired: DesiredSchema): Promise<SchemaPlan> {
  const state = await withOperatorMessage('read the databases', readSchemaState(couch, desired));
  const plan = planSchema(state, desired);
  for (const blocker of plan.blockers) {
    if (blocker.kind === 'other-prefix') throw new SetupError(`${blocker.mismatch}.`);
  }
  return plan;
}

async function applyItem(couch: nano.ServerScope, item: SchemaPlanItem): Promise<SchemaOutcome['outcome']> {
  if (item.kind === 'found') return 'unchanged';
  const hasChanged = await withOperatorMessage(describeSchemaStep(item.step), applySchemaStep(couch, item.step));
  if (!hasChanged) return 'unchanged';
  return item.isNew ? 'made' : 'changed';
}

const isConflict = (error: unknown): boolean => error instanceof SetupError && statusOf(error.cause) === 409;
