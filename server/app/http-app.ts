import type { RequestListener, ServerResponse } from 'node:http';
import express from 'express';
import helmet from 'helmet';
import type { GateHandler } from '../gate/router.ts';
import { HttpError, notFound, sendError, sendJson } from '../http/errors.ts';
import { warnOfForwardingFaults } from '../http/forwarding-fault.ts';
import { fromExpressError } from '../http/routing.ts';
import { createTrust, type TrustedProxies } from '../http/trusted-proxies.ts';
import { openApiDocument } from '../openapi/document.ts';
import { createPage, type PageConfig } from './page.ts';

export interface AppOptions {
  /** Handles the requests below `gateBase`, without Express, because it parses the raw request line itself. */
  readonly gate: GateHandler;
  readonly gateBase: string;
  /** Mounted at `/api/auth`. */
  readonly identity: express.Router;
  /** Mounted at `/api/users`. */
  readonly preferences: express.Router;
  /** The HTTP routers of the Telegram bot with their paths; empty without a bot. */
  readonly telegram: readonly (readonly [path: string, router: express.Router])[];
  /** Resolves with the response of `/readyz`. */
  readonly readiness: () => Promise<{ readonly status: number; readonly body: object }>;
  /** The folder of the built page; `undefined` serves no page. */
  readonly page: string | undefined;
  readonly pageConfig: PageConfig;
  /** Whether a reverse proxy is in front. */
  readonly behindProxy: boolean;
  /** The proxies whose `X-Forwarded-For` is trusted. No other header of a proxy is used. */
  readonly trustedProxies: TrustedProxies;
  /** Called with sentences for the operator. */
  readonly onWarning: (sentences: string) => void;
  /** Called with unexpected errors. */
  readonly onError: (error: unknown, res: ServerResponse) => void;
}

/** Creates the application of all HTTP interfaces. Any other path is 404. */
export function createApp(options: AppOptions): RequestListener {
  const { gate, gateBase } = options;
  const app = createExpressApp(options);
  return (req, res) => {
    // An upgrade is ignored, but Node stops parsing the connection after one: the next request would hang.
    if (req.headers.upgrade !== undefined) res.shouldKeepAlive = false;
    if (isBelow(gateBase, req.url ?? '/')) gate(req, res);
    else app(req, res);
  };
}

/** Whether the path of a request's target is `base`, or below it. */
function isBelow(base: string, target: string): boolean {
  if (!target.startsWith(base)) return false;
  const next = target[base.length];
  return next === undefined || next === '/' || next === '?';
}

/** Creates the Express application of everything but the gate. */
function createExpressApp(options: Omit<AppOptions, 'gate' | 'gateBase'>): express.Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.enable('case sensitive routing');
  app.enable('strict routing');
  // Any client can send `X-Forwarded-For`, so the client's address is the last one that is not a trusted proxy.
  const trusts = createTrust(options.trustedProxies);
  app.set('trust proxy', trusts);

  app.use(securityHeaders(options.behindProxy));
  app.get('/healthz', (_req, res) => sendJson(res, 200, { status: 'ok' }));
  app.get('/readyz', async (_req, res) => {
    const { status, body } = await options.readiness();
    sendJson(res, status, body);
  });
  let openApi: object | undefined;
  app.get('/api/openapi.json', (_req, res) => sendJson(res, 200, (openApi ??= openApiDocument())));
  // Only the rate limits of sign-in use the client's address. Health checks of a proxy have no client address.
  if (options.behindProxy) app.post('/api/auth/*path', warnOfForwardingFaults(trusts, options.onWarning));
  app.use('/api/auth', options.identity);
  for (const [path, router] of options.telegram) app.use(path, router);
  app.use('/api/users', options.preferences);
  if (options.page !== undefined) app.use(createPage(options.page, options.pageConfig));
  app.use(() => {
    throw notFound();
  });
  const onError: express.ErrorRequestHandler = (error: unknown, _req, res, _next) => {
    // An HttpError is an expected rejection, and so is a request that Express could not parse.
    const expected = error instanceof HttpError ? error : fromExpressError(error);
    if (expected === undefined) options.onError(error, res);
    sendError(res, expected ?? error);
  };
  app.use(onError);
  return app;
}

/**
 * The page has no inline script or style, connects to this origin only, and makes no HTML, script or URL of a script from text: its only
 * policy of Trusted Types returns one constant (client/app/script-urls.ts).
 */
const securityHeaders = (https: boolean): express.RequestHandler =>
  helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'self'"],
        imgSrc: ["'self'", 'data:'],
        objectSrc: ["'none'"],
        baseUri: ["'none'"],
        formAction: ["'self'"],
        frameAncestors: ["'none'"],
        requireTrustedTypesFor: ["'script'"],
        trustedTypes: ['pouchgate'],
      },
    },
    strictTransportSecurity: https,
  });
