import type { IncomingMessage, ServerResponse } from 'node:http';
import type express from 'express';
import { createCors } from '../http/cors.ts';
import { databaseNotFound, HttpError, methodNotAllowed, notFound, sendError, sendJson } from '../http/errors.ts';
import { mountPathOf } from '../http/mount-path.ts';
import type { Caller } from '../http/caller.ts';
import { requestContext } from '../http/request-context.ts';
import { requestTarget } from '../http/request-target.ts';
import { parseBulkDocs } from './writes/bulk-docs.ts';
import { parseChangesRequest } from './changes/parse-request.ts';
import type { GateContext } from './context.ts';
import { welcomeResponse } from './reads/database-info.ts';
import { oversizeRejections } from './writes/rejection-counts.ts';
import { ChangesHandler } from './changes/handler.ts';
import { checkpointHandlers } from './checkpoints/handlers.ts';
import { handleBulkGet, handleGet, handleInfo, handleRevsDiff } from './reads/handlers.ts';
import { handleBulkDocs, handlePut } from './writes/handlers.ts';
import { RevisionReader } from './stored-revisions.ts';
import { bodyMemoryBytes, type Reservation } from './user-quota.ts';
import { OversizeBatchReader } from './writes/oversize-batch.ts';
import { namesOtherDatabase, parseTarget, type RouterMount, type Target } from './request/target.ts';
import { Query } from './request/query.ts';
import { checkJsonType, isOversize, readBytes, readJson, type BodyShare } from './request/body.ts';
import { BODY_LIMITS, MAX_BATCH_BYTES } from './request/body-limits.ts';
import { offDisconnect, onDisconnect } from '../lib/on-disconnect.ts';

export interface GateOptions {
  readonly mount: RouterMount;
  /** The deployment's public URL, which is part of the database's uuid; empty when not configured. */
  readonly publicUrl: string;
  /** Other origins whose pages may use the gate (CORS). */
  readonly corsOrigins: readonly string[];
  /** Rejects with 401, 502 or 503. */
  readonly authenticate: (req: express.Request) => Promise<Caller>;
  readonly context: GateContext;
}

/** The allowed methods of each target. Any other method is 405, without an upstream request. */
const METHODS: Readonly<Record<Target['kind'], readonly string[]>> = {
  welcome: ['GET', 'HEAD'],
  database: ['GET', 'HEAD', 'PUT'],
  changes: ['GET', 'HEAD', 'POST'],
  'bulk-get': ['POST'],
  'revs-diff': ['POST'],
  'bulk-docs': ['POST'],
  'ensure-full-commit': ['POST'],
  checkpoint: ['DELETE', 'GET', 'HEAD', 'PUT'],
  document: ['GET', 'HEAD', 'PUT'],
};

/** Handles the requests below `mount.base`. A handler of Express as well; an error is always answered by the gate. */
export type GateHandler = (req: IncomingMessage, res: ServerResponse) => void;

/**
 * Creates the handler that implements the CouchDB replication protocol for the caller's document. It parses the raw request line
 * itself, because Express ignores case, encoding and trailing slashes.
 */
export function createGate(options: GateOptions): GateHandler {
  const allowOrigin = createCors({
    origins: options.corsOrigins,
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'DELETE'],
    allowedHeaders: ['authorization', 'content-type', 'if-match', 'last-event-id'],
    exposedHeaders: ['etag', 'retry-after'],
    credentials: true,
  });
  const state = {
    changes: new ChangesHandler(options.context),
    oversize: new OversizeBatchReader(),
    revisions: new RevisionReader(),
  };
  const handleAllowed: GateHandler = (req, res) => {
    // Node's request and response suffice, although the body parser's types and those of applications require Express's.
    handle(options, state, req as express.Request, res as express.Response).catch((error: unknown) => {
      if (!(error instanceof HttpError)) options.context.onError(error, res);
      // The rest of an unread body must not be parsed as the next request of the connection.
      if (!req.complete) res.shouldKeepAlive = false;
      sendError(res, error);
    });
  };
  return (req, res) => allowOrigin(req, res, () => handleAllowed(req, res));
}

/** State that is shared by all requests. */
interface GateState {
  readonly changes: ChangesHandler;
  readonly oversize: OversizeBatchReader;
  readonly revisions: RevisionReader;
}

async function handle(
  options: GateOptions,
  state: GateState,
  req: express.Request,
  res: express.Response,
): Promise<void> {
  const { mount, context, authenticate } = options;
  const { base = mountPathOf(req), database } = mount;
  const rawUrl = requestTarget(req);
  const target = parseTarget(rawUrl, { base, database });
  if (req.method === 'OPTIONS' && target !== undefined) {
    res.writeHead(204, { Allow: METHODS[target.kind].join(','), 'X-Content-Type-Options': 'nosniff' }).end();
    return;
  }
  if (target?.kind === 'welcome') {
    checkMethod(target, req.method);
    sendJson(res, 200, welcomeResponse(options.publicUrl, database));
    return;
  }
  const caller = await authenticate(req);
  requestContext(res).username = caller.username;
  if (target === undefined) throw namesOtherDatabase(rawUrl, { base, database }) ? databaseNotFound() : notFound();
  checkMethod(target, req.method);
  const { maxBytes } = BODY_LIMITS[target.kind];
  const { quota, timer, now, turns } = context;
  const reservation = await quota.acquire(caller.username, bodyMemoryBytes(req, maxBytes), res);
  const share: BodyShare = { reservation, timer, now, runTurn: turns.runnerFor(caller.username) };
  try {
    await dispatch(context, state, { target, caller, req, res, database, share });
  } finally {
    // An unsent response still occupies memory; a parked live response hardly does.
    if (res.writableEnded && !res.writableFinished) releaseAfterFlush(res, reservation);
    else reservation.release();
  }
}

function releaseAfterFlush(res: express.Response, reservation: Reservation): void {
  const listener = { onDisconnect: () => reservation.release() };
  reservation.addUnsent(res.writableLength);
  reservation.onCancel(() => res.req.socket.destroy());
  res.once('finish', () => {
    offDisconnect(res, listener);
    reservation.release();
  });
  onDisconnect(res, listener);
}

function checkMethod(target: Target, method: string): void {
  const allowed = METHODS[target.kind];
  if (!allowed.includes(method)) throw methodNotAllowed(allowed.join(','));
}

interface Exchange {
  readonly target: Exclude<Target, { kind: 'welcome' }>;
  readonly caller: Caller;
  readonly req: express.Request;
  readonly res: express.Response;
  readonly database: string;
  readonly share: BodyShare;
}

async function dispatch(
  context: GateContext,
  { changes, oversize, revisions }: GateState,
  exchange: Exchange,
): Promise<void> {
  const { target, caller, req, res, database, share } = exchange;
  const query = new Query(requestTarget(req));
  const readBody = (): Promise<unknown> => readJson(req, BODY_LIMITS[target.kind], share);
  switch (target.kind) {
    case 'database':
      if (req.method === 'PUT') throw fileExists();
      return handleInfo(context, caller, database, res);
    case 'changes': {
      // The body could only select documents, and there is only one. It is read so that it is not parsed as a request.
      if (req.method === 'POST') await readBody();
      const lastEventId = req.headers['last-event-id'];
      const request = parseChangesRequest(query, typeof lastEventId === 'string' ? lastEventId : undefined);
      return changes.handle(req.method === 'HEAD' ? { ...request, feed: 'normal' } : request, caller, res);
    }
    case 'bulk-get':
      return handleBulkGet(context, caller, query, await readBody(), res);
    case 'revs-diff':
      return handleRevsDiff(context, caller, { reader: revisions, body: await readBody() }, res);
    case 'bulk-docs':
      return dispatchBulkDocs(context, oversize, exchange);
    case 'ensure-full-commit':
      await readBody();
      sendJson(res, 201, { ok: true, instance_start_time: '0' });
      return;
    case 'checkpoint':
      return dispatchCheckpoint(context, target.id, query, exchange);
    case 'document': {
      const { accept } = req.headers;
      if (req.method !== 'PUT') return handleGet(context, caller, { id: target.id, query, accept }, res);
      const body = await readBody();
      return handlePut(context, caller, { id: target.id, query, ifMatch: req.headers['if-match'], body }, res);
    }
  }
}

async function dispatchBulkDocs(
  context: GateContext,
  oversize: OversizeBatchReader,
  { caller, req, res, share }: Exchange,
): Promise<void> {
  checkJsonType(req);
  if (isOversize(req)) {
    const rows = await oversize.refuseRows(req, caller.username, share.runTurn);
    requestContext(res).rejections = oversizeRejections(rows.length);
    sendJson(res, 201, rows);
    return;
  }
  const bytes = await readBytes(req, MAX_BATCH_BYTES, share);
  return handleBulkDocs(context, caller, await share.runTurn(() => parseBulkDocs(bytes)), res);
}

async function dispatchCheckpoint(
  context: GateContext,
  id: string,
  query: Query,
  { caller, req, res, share }: Exchange,
): Promise<void> {
  if (req.method === 'PUT')
    return checkpointHandlers.put(context, caller, id, await readJson(req, BODY_LIMITS.checkpoint, share), res);
  if (req.method === 'DELETE') return checkpointHandlers.delete(context, caller, id, query.text('rev'), res);
  return checkpointHandlers.get(context, caller, id, res);
}

const fileExists = (): HttpError =>
  new HttpError(412, 'file_exists', 'The database could not be created, the file already exists.');
