import type { Session } from './access.ts';
import type { EngineDatabase } from './database.ts';
import type { Delegate } from './express-pouchdb.ts';
import type { Passwords } from './passwords.ts';
import type { Json } from './pouchdb.ts';
import type { EnginePath } from './request.ts';
import type { SecurityObjects } from './security.ts';

/** A request whose session may access this database. A `HEAD` has the method `GET`. */
export interface DatabaseContext {
  readonly database: EngineDatabase;
  readonly rules: Json;
  readonly session: Session;
  readonly path: EnginePath;
  readonly method: string;
  readonly security: SecurityObjects;
  readonly passwords: Passwords;
  readonly delegate: Delegate;
}
