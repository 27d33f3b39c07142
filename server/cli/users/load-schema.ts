import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { defaultPreferenceDefinition, definePreferences, type PreferenceDefinition } from '../../preferences/schema.ts';
import { errorMessage } from '../../upstream/setup-error.ts';
import { CommandError } from './command-error.ts';

/** Preferences of any schema. */
export type AnyPreferences = Record<string, unknown>;
export type AnyPreferenceRules = PreferenceDefinition<AnyPreferences>;

const moduleSchema = z.object({
  schema: z.custom<z.ZodObject>((value) => typeof value === 'object' && value !== null && 'shape' in value),
  defaults: z.record(z.string(), z.unknown()).optional(),
});

/**
 * Loads an application's preference schema.
 *
 * @param path An ES module that exports `schema` and `defaults` as passed to `createPouchgate`. Default: the built-in schema.
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
      `PREFERENCES_MODULE, ${path}, does not export a zod object as "schema" (and optionally default values as "defaults").`,
    );
  }
  try {
    return definePreferences(parsed.data.schema, parsed.data.defaults ?? {}, idPrefix);
  } catch (error) {
    throw new CommandError(`PREFERENCES_MODULE, ${path}, has a schema that cannot be used: ${errorMessage(error)}`);
  }
}
