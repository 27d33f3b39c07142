import express from 'express';
import helmet from 'helmet';
import { HttpError, notFound, sendError, sendJson } from '../http/errors.ts';
import { openApiDocument } from '../openapi/document.ts';
import { createPage, type PageConfig } from './page.ts';

export interface AppOptions {
  /** Mounted at its base path, before everything else: it reads the raw request line itself. */
  readonly gate: express.Router;
  readonly gateBase: string;
  /** Mounted at `/api/auth`. */
  readonly identity: express.Router;
  /** Mounted at `/api/users`. */
  readonly preferences: express.Router;
  /** What the Telegram bot answers by HTTP, each with where it is mounted; none when it is off. */
  readonly telegram: readonly (readonly [path: string, router: express.Router])[];
  /** Whether the server is ready for requests. */
  readonly readiness: () => Promise<{ readonly status: number; readonly body: object }>;
  /** The built page's folder; undefined serves no page. */
  readonly page: string | undefined;
  readonly pageConfig: PageConfig;
  /** Behind a front of one's own, whose word on the client's address counts. */
  readonly behindProxy: boolean;
  /** Called with what nobody expected. */
  readonly onError: (error: unknown) => void;
}

/** The whole HTTP surface: the gate, sign-in, the page, and 404 for all else. */
export function createApp(options: AppOptions): express.Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.enable('case sensitive routing');
  app.enable('strict routing');
  // An address from a header that anybody can send must not be believed unless a front of ours has put it there.
  if (options.behindProxy) app.set('trust proxy', 'loopback, linklocal, uniquelocal');

  app.use((req, res, next) => {
    // The protocol is not changed, but Node's parser is lost on a connection that asked for it: the next request would hang.
    if (req.headers.upgrade !== undefined) res.shouldKeepAlive = false;
    next();
  });
  app.use(options.gateBase, options.gate);
  app.use(securityHeaders(options.behindProxy));
  app.get('/healthz', (_req, res) => sendJson(res, 200, { status: 'ok' }));
  app.get('/readyz', async (_req, res) => {
    const { status, body } = await options.readiness();
    sendJson(res, status, body);
  });
  const description = openApiDocument();
  app.get('/api/openapi.json', (_req, res) => sendJson(res, 200, description));
  app.use('/api/auth', options.identity);
  for (const [path, router] of options.telegram) app.use(path, router);
  app.use('/api/users', options.preferences);
  if (options.page !== undefined) app.use(createPage(options.page, options.pageConfig));
  app.use(() => {
    throw notFound();
  });
  const onError: express.ErrorRequestHandler = (error: unknown, _req, res, _next) => {
    // What was refused is no fault.
    if (!(error instanceof HttpError)) options.onError(error);
    sendError(res, error);
  };
  app.use(onError);
  return app;
}

/** The page has no inline script or style, and speaks to this origin alone. */
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
      },
    },
    strictTransportSecurity: https,
  });
