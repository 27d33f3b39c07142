import type { AttackNames } from './generate/names.ts';
import type { AttackClient } from './http/attack-client.ts';
import type { Secrets } from './judge/leaks.ts';
import type { AttackTarget } from './target.ts';
import type { TestUser } from './users/test-user.ts';

/** What all attacks of a run share. */
export interface AttackContext {
  readonly target: AttackTarget;
  readonly names: AttackNames;
  /** The path of the database, without a slash at its end. */
  readonly path: string;
  readonly client: AttackClient;
  readonly attacker: TestUser;
  readonly victim: TestUser;
  /** The id of a document that does not exist, like that of a user. */
  readonly missingId: string;
  /** An expired token of the attacker, if the operator has one. */
  readonly expiredToken: string | undefined;
  /** Aborts when the run is interrupted. */
  readonly signal: AbortSignal;
  /** What no response to the attacker may contain, now. */
  readonly secrets: () => Secrets;
  /** Internal texts in the attacker's own document, which are no leaks. */
  readonly ownTexts: readonly string[];
}
