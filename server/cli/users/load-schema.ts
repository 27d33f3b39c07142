import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { ourRules, rulesOf, type PreferenceRules } from '../../preferences/schema.ts';
import { reasonOf } from '../../upstream/setup-error.ts';
import { CommandError } from './command-error.ts';

/** Preferences of which it is not known here what they are. */
export type AnyPreferences = Record<string, unknown>;
export type AnyRules = PreferenceRules<AnyPreferences>;

const moduleSchema = z.object({
  schema: z.custom<z.ZodObject>((value) => typeof value === 'object' && value !== null && 'shape' in value),
  defaults: z.record(z.string(), z.unknown()).optional(),
});

/**
 * The rules of Pouchgate's own preferences, or of those of an application that has mounted the gate: `path` is an ES module
 * that exports `schema` and `defaults`, as `createPouchgate` takes them. Rejects with `CommandError`.
 */
export async function rulesForOperators(path: string | undefined, idPrefix: string): Promise<AnyRules> {
  if (path === undefined || path === '') return ourRules(idPrefix) as PreferenceRules<object> as AnyRules;
  const told: unknown = await import(pathToFileURL(resolve(path)).href).catch((error: unknown) => {
    throw new CommandError(`PREFERENCES_MODULE, ${path}, cannot be read: ${reasonOf(error)}`);
  });
  const found = moduleSchema.safeParse(told);
  if (!found.success) {
    throw new CommandError(
      `PREFERENCES_MODULE, ${path}, does not export a zod object as "schema" (and what is shown for what was never set as "defaults").`,
    );
  }
  try {
    return rulesOf(found.data.schema, found.data.defaults ?? {}, idPrefix);
  } catch (error) {
    throw new CommandError(`PREFERENCES_MODULE, ${path}, has a schema that cannot be used: ${reasonOf(error)}`);
  }
}
