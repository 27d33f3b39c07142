/** The programs that edit a user's document at the server. */
import type { Deployment, Gate } from './deployment.ts';
import { DOMAINS, type Domain, type Version } from './preference-domains.ts';
import { patchOverRest, readOverRest, type Values } from '../../testing/preferences-over-rest.ts';
import { retryWhileBusy } from '../../testing/retry-while-busy.ts';

export interface Participant {
  readonly name: string;
  readonly domain: Domain;
  /** Returns the preferences as it shows them. */
  readonly read: () => Promise<Values>;
  /** Sets preferences; `null` removes one. Resolves when the edit is acknowledged, and rejects when it is refused. */
  readonly edit: (patch: Values) => Promise<void>;
}

export type ServerInterface = 'rest' | 'application' | 'command';

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
