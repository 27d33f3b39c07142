import type { ServerResponse } from 'node:http';
import { badGateway, conflict, sendJson } from '../../http/errors.ts';
import type { Caller } from '../../http/caller.ts';
import {
  deleteCheckpoint,
  getCheckpoint,
  putCheckpoint,
  readCheckpoints,
  type Checkpoints,
} from './checkpoint-document.ts';
import { ask, type GateContext } from '../context.ts';
import { textMember } from '../../lib/json.ts';

/** A colon is in no username, so no user's name and id together can be another's. */
const pathOf = ({ username }: Caller): readonly string[] => ['_local', `checkpoints:${username}`];

/** Another gate may write the same document in between; this often it is tried again. */
const ATTEMPTS = 5;

interface Stored {
  readonly all: Checkpoints;
  readonly rev: string | undefined;
}

async function read(context: GateContext, caller: Caller, res: ServerResponse): Promise<Stored> {
  const { status, body } = await ask(context, caller, res, { method: 'GET', path: pathOf(caller) });
  if (status === 404) return { all: { entries: [] }, rev: undefined };
  if (status !== 200) throw badGateway(`The database did not answer about a checkpoint (status ${status}).`);
  return { all: readCheckpoints(body), rev: textMember(body, '_rev') };
}

type Change = (all: Checkpoints) => { readonly all: Checkpoints; readonly rev: string };

async function write(context: GateContext, caller: Caller, res: ServerResponse, change: Change): Promise<string> {
  return context.writes.run(`checkpoints:${caller.username}`, async () => {
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const before = await read(context, caller, res);
      const after = change(before.all);
      const body = { ...after.all, ...(before.rev === undefined ? {} : { _rev: before.rev }) };
      const { status } = await ask(context, caller, res, { method: 'PUT', path: pathOf(caller), body });
      if (status === 200 || status === 201 || status === 202) return after.rev;
      if (status !== 409) throw badGateway(`The database did not store a checkpoint (status ${status}).`);
    }
    throw conflict();
  });
}

/** `GET`, `PUT` and `DELETE _local/<id>`: https://docs.couchdb.org/en/stable/api/local.html */
export const checkpointHandlers = {
  async get(context: GateContext, caller: Caller, id: string, res: ServerResponse): Promise<void> {
    sendJson(res, 200, getCheckpoint((await read(context, caller, res)).all, id));
  },
  async put(context: GateContext, caller: Caller, id: string, body: unknown, res: ServerResponse): Promise<void> {
    const rev = await write(context, caller, res, (all) => putCheckpoint(all, id, body));
    sendJson(res, 201, { ok: true, id: `_local/${id}`, rev });
  },
  async delete(
    context: GateContext,
    caller: Caller,
    id: string,
    rev: string | undefined,
    res: ServerResponse,
  ): Promise<void> {
    const last = await write(context, caller, res, (all) => deleteCheckpoint(all, id, rev));
    sendJson(res, 200, { ok: true, id: `_local/${id}`, rev: last });
  },
};
