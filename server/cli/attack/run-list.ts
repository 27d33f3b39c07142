import { CommandError } from '../command-error.ts';
import type { AttackContext } from './context.ts';
import type { AttackEntry, AttackGroup } from './entry.ts';
import { Probe, type Finding } from './probe.ts';

/** What became of an entry of the list. */
export interface EntryResult {
  readonly group: AttackGroup | 'fuzz';
  readonly request: string;
  readonly expectation: string;
  /** The statuses of the responses, and why an entry was not sent. */
  readonly observation: string;
  readonly findings: readonly Finding[];
}

/** No entry starts later than this, in ms: a server that delays every response cannot prolong a run. */
const MAX_LIST_MS = 900_000;

/**
 * Sends each entry after the other, until the server can no longer be reached, or for 15 minutes. `onResult` is called after each. Rejects with the
 * signal's reason.
 */
export async function runList(
  entries: readonly AttackEntry[],
  context: AttackContext,
  onResult: (result: EntryResult) => void,
): Promise<readonly EntryResult[]> {
  const results: EntryResult[] = [];
  const endsAt = performance.now() + MAX_LIST_MS;
  for (const entry of entries) {
    const { group, request, expectation } = entry;
    const probe = new Probe(context);
    const isInTime = performance.now() < endsAt;
    if (!isInTime) probe.note('not sent: the list has taken 15 minutes');
    const isReachable = !isInTime || (await runEntry(entry, probe, context));
    const { observation, findings } = probe;
    const result = { group, request, expectation, observation, findings };
    results.push(result);
    onResult(result);
    if (!isReachable) break;
  }
  return results;
}

/** Resolves with whether the server still responds. */
async function runEntry({ run, request }: AttackEntry, probe: Probe, context: AttackContext): Promise<boolean> {
  const { victim } = context;
  try {
    await run(probe, context);
    // Also an entry that only reads may have changed the document, where a server confuses methods.
    if (!(await victim.isUnchanged())) {
      probe.report(request, 'changed the document of user B', 'change');
      await victim.refresh();
    }
    return true;
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    // An attack after which the server does not respond, or refuses the other user, has succeeded.
    probe.report(request, error.message, 'end');
    return false;
  }
}
