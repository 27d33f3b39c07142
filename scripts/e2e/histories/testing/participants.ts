/** The programs that edit a user's document at the server. */
import type { Deployment, Gate } from './deployment.ts';
import { DOMAINS, type Domain, type Version } from './preference-domains.ts';
import { retryWhileBusy } from './retry-while-busy.ts';

export type Values = Readonly<Record<string, unknown>>;

export interface Participant {
  readonly name: string;
  readonly domain: Domain;
  /** Returns the preferences as it shows them. */
  readonly read: () => Promise<Values>;
  /** Sets preferences; `null` removes one. Resolves when the edit is acknowledged, and rejects when it is refused. */
  readonly edit: (patch: Values) => Promise<void>;
}

export type ServerInterface = 'rest' | 'application' | 'command';

/** Resolves with the preferences that a gate's REST interface shows. Rejects unless the status is 200. */
export const readOverRest = ({ url, token }: Gate, username: string): Promise<Values> =>
  retryWhileBusy(async () => {
    const response = await fetch(`${url}/api/users/preferences`, {
      headers: { authorization: `Bearer ${token(username)}` },
    });
    const body = (await response.json()) as { readonly preferences: Values };
    if (response.status !== 200) throw new Error(`The response to GET is ${response.status}: ${JSON.stringify(body)}`);
    return body.preferences;
  });

/** Resolves when the gate has stored the patch. */
export const patchOverRest = ({ url, token }: Gate, username: string, patch: Values): Promise<void> =>
  retryWhileBusy(async () => {
    const response = await fetch(`${url}/api/users/preferences`, {
      method: 'PATCH',
      headers: { authorization: `Bearer ${token(username)}`, 'content-type': 'application/merge-patch+json' },
      body: JSON.stringify(patch),
    });
    if (response.status !== 200)
      throw new Error(`The response to PATCH is ${response.status}: ${await response.text()}`);
  });

/** Resolves when the users command has stored the patch, preference by preference. */
export async function editByCommand({ runCommand }: Gate, username: string, patch: Values): Promise<void> {
  for (const [key, value] of Object.entries(patch)) {
    const { code, stderr } = await runCommand('set', '--', username, key, JSON.stringify(value));
    if (code !== 0) throw new Error(`the command fails: ${stderr}`);
  }
}

/** An interface of one version's gate. */
export function createServerParticipant(
  gates: Deployment['gates'],
  version: Version,
  { kind, username }: { readonly kind: ServerInterface; readonly username: string },
): Participant {
  const gate = gates[version];
  const { edit } = gate;
  const editors: Readonly<Record<ServerInterface, Participant['edit']>> = {
    rest: (patch) => patchOverRest(gate, username, patch),
    // The standalone server has no such interface.
    application: (patch) =>
      edit === undefined
        ? patchOverRest(gate, username, patch)
        : retryWhileBusy(async () => {
            await edit(username, patch);
          }),
    command: (patch) => retryWhileBusy(() => editByCommand(gate, username, patch)),
  };
  return {
    name: `${kind} (${version})`,
    domain: DOMAINS[version],
    read: () => readOverRest(gate, username),
    edit: editors[kind],
  };
}
