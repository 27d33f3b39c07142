import type { AttackContext } from './context.ts';
import type { AttackRequest, Probe } from './probe.ts';

export const ATTACK_GROUPS = [
  'reads',
  'changes',
  'feeds',
  'activity',
  'paths',
  'checkpoints',
  'headers',
  'tokens',
  'origins',
  'writes',
  'limits',
  'framing',
] as const;
export type AttackGroup = (typeof ATTACK_GROUPS)[number];

/** An attack, or several of one kind, with what has to hold. */
export interface AttackEntry {
  readonly group: AttackGroup;
  /** What is sent. */
  readonly request: string;
  readonly expectation: string;
  /** Sends the requests through the probe, which judges each response. */
  readonly run: (probe: Probe, context: AttackContext) => Promise<void>;
}

/** Makes a request with a JSON body. */
export const withJson = (method: string, target: string, body: unknown, headers: HeaderFields = {}): AttackRequest => ({
  method,
  target,
  headers: { 'Content-Type': 'application/json', ...headers },
  body: JSON.stringify(body),
});

type HeaderFields = Readonly<Record<string, string | readonly string[]>>;
