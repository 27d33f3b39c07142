import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { isZodObject } from '../../couchdb-design/user-document/zod-schema-checks.ts';
import { defaultPreferenceDefinition, definePreferences, type PreferenceDefinition } from '../preferences/schema.ts';
import type { Upgrade } from '../preferences/view.ts';
import { errorMessage } from '../upstream/setup-error.ts';
import { CommandError } from './command-error.ts';

/** Preferences of any schema. */
export type AnyPreferences = Record<string, unknown>;
export type AnyPreferenceRules = PreferenceDefinition<AnyPreferences>;

const moduleSchema = z.object({
  schema: z.custom<z.ZodObject>(isZodObject),
  defaults: z.record(z.string(), z.unknown()).optional(),
  upgrade: z.custom<Upgrade>((value) => value === undefined || typeof value === 'function').optional(),
});

/**
 * Loads an application's preference schema.
 *
 * @param path An ES module that exports `schema`, `defaults` and `upgrade` as passed to `createPouchgate`. Default: the built-in schema.
 * @throws {CommandError} If the module cannot be imported or does not export a usable schema.
 */
export async function loadPreferenceRules(path: string | undefined, idPrefix: string): Promise<AnyPreferenceRules> {
  if (path === undefined || path === '')
    return defaultPreferenceDefinition(idPrefix) as PreferenceDefinition<object> as AnyPreferenceRules;
  const imported: unknown = await import(pathToFileURL(resolve(path)).href).catch((error: unknown) => {
    throw new CommandError(`PREFERENCES_MODULE, ${path}, cannot be imported: ${errorMessage(error)}`);
  });
  const parsed = moduleSchema.safeParse(imported);
  if (!parsed.success) {
    throw new CommandError(
      `PREFERENCES_MODULE, ${path}, does not export a zod object as "schema" (and optionally default values as "defaults", and a function as "upgrade").`,
    );
  }
  try {
    const { schema, defaults, upgrade } = parsed.data;
    return definePreferences(schema, { defaults, upgrade, idPrefix });
  } catch (error) {
    throw new CommandError(`PREFERENCES_MODULE, ${path}, has a schema that cannot be used: ${errorMessage(error)}`);
  }
}
