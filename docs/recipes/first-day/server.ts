// An application with its own sign-in and sessions, whose preferences are live on every device.
import { randomBytes } from 'node:crypto';
import express, { type Request } from 'express';
import { createPouchgate } from 'pouchgate';
import { createServer as createViteServer } from 'vite';

// Replace this by your users and your session store.
interface Session {
  readonly username: string;
  /** In milliseconds since 1970. */
  readonly expiresAt: number;
}
const passwords = new Map([['alice', 'wonderland']]);
const sessionsByCookie = new Map<string, Session>();
const sessionsByToken = new Map<string, Session>();
const createSecret = (): string => randomBytes(32).toString('base64url');
const cookieOf = (req: Request): string => /(?:^|; )session=([\w-]+)/.exec(req.headers.cookie ?? '')?.[1] ?? '';
const bearerOf = (req: Request): string => req.get('authorization')?.replace(/^Bearer /, '') ?? '';

const pouchgate = await createPouchgate({
  couchdb: { dataDirectory: './data' },
  authenticate: (req) => sessionsByToken.get(bearerOf(req)),
});

const app = express();
app.use('/prefs', pouchgate.router); // before any body parser
app.use(express.json());

app.post('/sign-in', (req, res) => {
  const { username, password } = req.body as { username: string; password: string };
  if (passwords.get(username) !== password) {
    res.sendStatus(401);
    return;
  }
  const cookie = createSecret();
  sessionsByCookie.set(cookie, { username, expiresAt: Date.now() + 8 * 3_600_000 });
  res.cookie('session', cookie, { httpOnly: true, sameSite: 'strict' }).sendStatus(204); // in production also `secure: true`
});

// The token of the client library. It ends with the session.
app.post('/sync-token', (req, res) => {
  const session = sessionsByCookie.get(cookieOf(req));
  if (session === undefined || session.expiresAt <= Date.now()) {
    res.sendStatus(401);
    return;
  }
  const token = createSecret();
  sessionsByToken.set(token, session);
  res.json({ token });
});

app.post('/sign-out', (req, res) => {
  const session = sessionsByCookie.get(cookieOf(req));
  sessionsByCookie.delete(cookieOf(req));
  for (const [token, each] of sessionsByToken) if (each === session) sessionsByToken.delete(token);
  if (session !== undefined) pouchgate.endUser(session.username); // live requests end at once
  res.clearCookie('session').sendStatus(204);
});

// In development Vite serves the page. In production serve the folder that `vite build page` writes.
const vite = await createViteServer({ root: 'page', server: { middlewareMode: true, ws: false, hmr: false } });
app.use(vite.middlewares);

const server = app.listen(Number(process.env['PORT'] ?? 3000), '127.0.0.1', () => {
  const address = server.address();
  if (typeof address === 'object' && address !== null) console.log(`Open http://127.0.0.1:${address.port}`);
});

process.once('SIGTERM', () => void stop());
process.once('SIGINT', () => void stop());
async function stop(): Promise<void> {
  await pouchgate.close();
  await vite.close();
  server.close();
  server.closeAllConnections();
}
