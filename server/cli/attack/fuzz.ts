import type { AttackContext } from './context.ts';
import { createSeededRandom } from './generate/random.ts';
import { AttackGenerator, type Attack } from './generate/request-generator.ts';
import { MAX_CONNECTIONS } from './http/attack-client.ts';
import { Probe } from './probe.ts';
import type { EntryResult } from './run-list.ts';

export interface FuzzOptions {
  readonly seed: number;
  readonly requests: number;
  /** No request starts later than this, in seconds. */
  readonly seconds: number;
}

/** When a live response is closed, in ms. */
const LIVE_CLOSE_MS = 100;
/** How many requests pass between two looks at both documents. */
const CHECK_INTERVAL = 100;
/** The fuzz ends after so many findings. */
const MAX_FUZZ_FINDINGS = 5;

/** Methods that would remove a database or document if a server let them through. */
const REMOVING_METHODS: ReadonlySet<string> = new Set(['DELETE', 'PURGE', 'MOVE', 'COPY', 'PUT']);

/** Sends random requests. The same seed and documents give the same requests. */
export async function runFuzz(context: AttackContext, { seed, requests, seconds }: FuzzOptions): Promise<EntryResult> {
  const { attacker, victim, names } = context;
  const probe = new Probe(context);
  const generator = new AttackGenerator(names, createSeededRandom(seed));
  const { token } = attacker.credentials;
  const badTokens = [
    '',
    'Bearer x.y.z',
    `Basic ${Buffer.from(`${names.other.username}:`).toString('base64')}`,
    `Bearer ${token}x`,
  ];
  const endsAt = performance.now() + seconds * 1_000;
  let started = 0;
  const isOver = (): boolean =>
    started >= requests || performance.now() >= endsAt || probe.findings.length >= MAX_FUZZ_FINDINGS;

  const worker = async (): Promise<void> => {
    while (!isOver()) {
      started += 1;
      if (started % CHECK_INTERVAL === 0) await checkDocuments(context, probe);
      const attack = harmless(generator.next({ own: attacker.document, token, badTokens }), context);
      const { method, target, headers, body, isLive } = attack;
      const closing = isLive ? { closeAfterMs: LIVE_CLOSE_MS } : {};
      // The generator chooses the token.
      await probe.send({ method, target, headers, body, isAnonymous: true, ...closing });
    }
  };
  await Promise.all(Array.from({ length: MAX_CONNECTIONS }, worker));
  await checkDocuments(context, probe);
  return {
    group: 'fuzz',
    request: `${started} random requests, with the seed ${seed}`,
    expectation: `nothing of user ${victim.label}, and the document of user ${victim.label} unchanged`,
    observation: probe.observation,
    findings: probe.findings,
  };
}

/** The victim's document must be as it was. The attacker's changes, and the next requests name its new revision. */
async function checkDocuments({ attacker, victim }: AttackContext, probe: Probe): Promise<void> {
  if (!(await victim.isUnchanged())) {
    probe.report('one of the last requests of the fuzz', `changed the document of user ${victim.label}`);
    await victim.refresh();
  }
  await attacker.refresh();
}

/**
 * Makes a GET of a request that would remove more than the two users' data, if the server had a hole that the list did not find.
 */
export function harmless(attack: Attack, { path, names }: Pick<AttackContext, 'path' | 'names'>): Attack {
  const [target = ''] = attack.target.split('?', 1);
  const documents = [names.own.id, names.other.id].map((id) => `${path}/${encodeURIComponent(id)}`);
  if (documents.includes(target) || (target.startsWith(path) && CHECKPOINT.test(target.slice(path.length))))
    return attack;
  const headers = Object.fromEntries(Object.entries(attack.headers).filter(([name]) => !OVERRIDES.has(name)));
  return { ...attack, headers, method: REMOVING_METHODS.has(attack.method) ? 'GET' : attack.method };
}

const OVERRIDES: ReadonlySet<string> = new Set(['X-HTTP-Method-Override', 'X-HTTP-Method', 'X-Method-Override']);
const CHECKPOINT = /^\/_local\/[a-z+]+$/;
