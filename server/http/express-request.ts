import type { IncomingMessage, ServerResponse } from 'node:http';
import express, { type Request } from 'express';

/** Holds the settings that `req.ip` and `req.query` read: Express's defaults, which trust no proxy. */
const app = express();

/** The extended prototypes, by the prototype that each extends. */
const extendedPrototypes = new WeakMap<object, object>();

/**
 * Makes a request of any server an Express request, so that handlers can call `req.get` and `req.is`. It leaves a request
 * of an Express application unchanged.
 *
 * An Express application replaces the prototypes of the request and the response. Here the request's own prototype is extended
 * instead, because a framework's prototype may have further methods, such as those of Fastify's `inject`.
 */
export function toExpressRequest(req: IncomingMessage, res: ServerResponse): asserts req is Request {
  if ('get' in req) return;
  const prototype = Reflect.getPrototypeOf(req) ?? {};
  let extended = extendedPrototypes.get(prototype);
  if (extended === undefined) {
    const methods = Object.getOwnPropertyDescriptors(express.request);
    extended = Object.create(prototype, {
      ...methods,
      app: { value: app, configurable: true, writable: true },
    }) as object;
    extendedPrototypes.set(prototype, extended);
  }
  Object.setPrototypeOf(req, extended);
  Object.defineProperty(req, 'res', { value: res, configurable: true, writable: true });
}
