import type { AttackContext } from './context.ts';
import { Probe } from './probe.ts';

/** Pairs of requests. */
const PAIRS = 20;

/**
 * Measures reads of the other user's and of a missing document, in turn. It is reported and not judged: over a network the noise
 * exceeds what it could show.
 */
export async function measureTiming(context: AttackContext): Promise<string> {
  const { names, missingId, path } = context;
  const probe = new Probe(context);
  const times: Record<'other' | 'missing', number[]> = { other: [], missing: [] };
  for (let pair = 0; pair < PAIRS; pair += 1) {
    for (const [kind, id] of [
      ['other', names.other.id],
      ['missing', missingId],
    ] as const) {
      const startedAt = performance.now();
      await probe.send({ method: 'GET', target: `${path}/${encodeURIComponent(id)}` });
      times[kind].push(performance.now() - startedAt);
    }
  }
  return `Median time of a GET: ${median(times.other).toFixed(1)} ms for the document of user B, ${median(times.missing).toFixed(1)} ms for a missing one (${PAIRS} of each; not judged).`;
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
