import { z } from 'zod';
import { authorizationOf, type Upstream } from './client.ts';

const welcomeSchema = z.object({ couchdb: z.string(), version: z.string() });

/** In ms. */
const TIMEOUT_MS = 5_000;

/** Reads the version of the upstream, such as `3.4.3`. Resolves with undefined if it does not respond as CouchDB does. */
export async function readServerVersion({
  access,
  fetch,
}: Pick<Upstream, 'access' | 'fetch'>): Promise<string | undefined> {
  try {
    const response = await fetch('/', {
      headers: { authorization: authorizationOf(access), accept: 'application/json' },
      redirect: 'manual',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const body: unknown = await response.json();
    return response.ok ? welcomeSchema.safeParse(body).data?.version : undefined;
  } catch {
    return undefined;
  }
}
