import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { hasStarted } from './errors.ts';
import { requestContext } from './request-context.ts';
import { isApplicationId, parseRequestId } from './request-id.ts';
import { continueTrace, formatTraceparent } from './traceparent.ts';

/** The request headers that identify a request. */
export const ID_REQUEST_HEADERS = ['x-request-id', 'traceparent'] as const;
/** The response header by which a client can refer to a request. */
export const ID_RESPONSE_HEADER = 'x-request-id';

/**
 * Gives a request its ids, and sends them with whatever response follows: `X-Request-Id` always, and `traceparent` if the client
 * sent a valid one. The id is the one that the application has set, otherwise the client's, otherwise a random one. An id grants
 * nothing, and nothing is looked up by it: a client that repeats the id of another only makes its own log lines ambiguous.
 *
 * Call it once per request, before anything may respond.
 */
export function identifyRequest(req: IncomingMessage, res: ServerResponse): void {
  const context = requestContext(res);
  const ownId = applicationId(req, res);
  context.requestId = ownId ?? parseRequestId(req.headers['x-request-id']) ?? randomUUID();
  const span = continueTrace(req.headers['traceparent']);
  if (span !== undefined) context.span = span;
  // The application may have responded already.
  if (hasStarted(res)) return;
  if (!res.hasHeader('X-Request-Id')) res.setHeader('X-Request-Id', context.requestId);
  if (span !== undefined && !res.hasHeader('traceparent')) res.setHeader('traceparent', formatTraceparent(span));
}

/**
 * Returns the id that an application has set: in the response, or as `req.id`, as Fastify and pino-http do. Middleware that copies
 * the client's header sets whatever the client sent, so the text is checked.
 */
function applicationId(req: IncomingMessage, res: ServerResponse): string | undefined {
  const header = res.getHeader('X-Request-Id');
  if (isApplicationId(header)) return header;
  const id: unknown = Reflect.get(req, 'id');
  return parseRequestId(typeof id === 'number' ? String(id) : id);
}
