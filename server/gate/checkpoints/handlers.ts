import type { ServerResponse } from 'node:http';
import { conflict, sendJson } from '../../http/errors.ts';
import type { Caller } from '../../http/caller.ts';
import {
  deleteCheckpoint,
  getCheckpoint,
  putCheckpoint,
  parseCheckpoints,
  type Checkpoints,
} from './checkpoint-document.ts';
import { requestUpstream, type GateContext } from '../context.ts';
import { getString } from '../../lib/json.ts';
import { retryOnConflict } from '../../lib/retry-on-conflict.ts';
import { unexpectedResponse } from '../../upstream/upstream-error.ts';

/** Usernames contain no colon, so the ids of two users never collide. */
const pathOf = ({ username }: Caller): readonly string[] => ['_local', `checkpoints:${username}`];

/** A write conflicts when another gate writes the same document. */
const MAX_ATTEMPTS = 5;

interface StoredCheckpoints {
  readonly all: Checkpoints;
  readonly rev: string | undefined;
}

async function loadCheckpoints(context: GateContext, caller: Caller, res: ServerResponse): Promise<StoredCheckpoints> {
  const response = await requestUpstream(context, caller, res, { method: 'GET', path: pathOf(caller) });
  const { status, body } = response;
  if (status === 404) return { all: { entries: [] }, rev: undefined };
  if (status !== 200) throw unexpectedResponse('The database did not return a checkpoint', response);
  return { all: parseCheckpoints(body), rev: getString(body, '_rev') };
}

type CheckpointUpdate = (all: Checkpoints) => { readonly all: Checkpoints; readonly rev: string };

async function updateCheckpoints(
  context: GateContext,
  caller: Caller,
  res: ServerResponse,
  update: CheckpointUpdate,
): Promise<string> {
  const attempt = async (): Promise<string | undefined> => {
    const current = await loadCheckpoints(context, caller, res);
    const updated = update(current.all);
    const body = { ...updated.all, ...(current.rev === undefined ? {} : { _rev: current.rev }) };
    const response = await requestUpstream(context, caller, res, { method: 'PUT', path: pathOf(caller), body });
    const { status } = response;
    if (status === 200 || status === 201 || status === 202) return updated.rev;
    if (status !== 409) throw unexpectedResponse('The database did not store a checkpoint', response);
    return undefined;
  };
  return context.writeQueue.run(`checkpoints:${caller.username}`, () =>
    retryOnConflict(attempt, { maxAttempts: MAX_ATTEMPTS, minDelayMs: 0, onExhausted: conflict }),
  );
}

/** `GET`, `PUT` and `DELETE _local/<id>`: https://docs.couchdb.org/en/stable/api/local.html */
export const checkpointHandlers = {
  async get(context: GateContext, caller: Caller, id: string, res: ServerResponse): Promise<void> {
    sendJson(res, 200, getCheckpoint((await loadCheckpoints(context, caller, res)).all, id));
  },
  async put(context: GateContext, caller: Caller, id: string, body: unknown, res: ServerResponse): Promise<void> {
    const rev = await updateCheckpoints(context, caller, res, (all) => putCheckpoint(all, id, body));
    sendJson(res, 201, { ok: true, id: `_local/${id}`, rev });
  },
  async delete(
    context: GateContext,
    caller: Caller,
    id: string,
    rev: string | undefined,
    res: ServerResponse,
  ): Promise<void> {
    const deleted = await updateCheckpoints(context, caller, res, (all) => deleteCheckpoint(all, id, rev));
    sendJson(res, 200, { ok: true, id: `_local/${id}`, rev: deleted });
  },
};
