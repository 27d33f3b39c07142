/** The preferences over a gate's REST interface. */
import { retryWhileBusy } from './retry-while-busy.ts';

export type Values = Readonly<Record<string, unknown>>;

interface RestServer {
  readonly url: string;
  readonly token: (username: string) => string;
}

/** Resolves with the preferences that a gate's REST interface shows. Rejects unless the status is 200. */
export const readOverRest = ({ url, token }: RestServer, username: string): Promise<Values> =>
  retryWhileBusy(async () => {
    const response = await fetch(`${url}/api/users/preferences`, {
      headers: { authorization: `Bearer ${token(username)}` },
    });
    const body = (await response.json()) as { readonly preferences: Values };
    if (response.status !== 200) throw new Error(`The response to GET is ${response.status}: ${JSON.stringify(body)}`);
    return body.preferences;
  });

/** Resolves when the gate has stored the patch. */
export const patchOverRest = ({ url, token }: RestServer, username: string, patch: Values): Promise<void> =>
  retryWhileBusy(async () => {
    const response = await fetch(`${url}/api/users/preferences`, {
      method: 'PATCH',
      headers: { authorization: `Bearer ${token(username)}`, 'content-type': 'application/merge-patch+json' },
      body: JSON.stringify(patch),
    });
    if (response.status !== 200)
      throw new Error(`The response to PATCH is ${response.status}: ${await response.text()}`);
  });
