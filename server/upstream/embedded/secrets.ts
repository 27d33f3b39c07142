import { randomBytes } from 'node:crypto';

/** What authenticates to an engine. */
export interface EngineSecrets {
  /** The administrator's. */
  readonly password: string;
  /** Signs users' tokens. */
  readonly jwtSecret: Buffer;
}

/** Returns new secrets. */
export const generateSecrets = (): EngineSecrets => ({
  password: randomBytes(32).toString('base64url'),
  jwtSecret: randomBytes(32),
});
