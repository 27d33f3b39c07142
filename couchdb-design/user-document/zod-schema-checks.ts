/**
 * What a zod schema of preferences must not contain. It is checked when a gate starts: a value that a schema transforms would make
 * the document differ from what was set, and one that JSON cannot represent would never be accepted.
 */
import type { z } from 'zod';
import { findJsonViolation, findMemberNameViolation } from './json-rules.ts';
import { findNameViolation } from './preference-schema.ts';
import { findSchemaProblem, HAS_DEFAULT, IS_ASYNCHRONOUS } from './schema-checks.ts';

type AnyDefinition = z.core.$ZodTypeDef & Readonly<Record<string, unknown>>;

const IS_TRANSFORMED = 'is transformed by the schema. A schema may only accept or reject a value.';
const NOT_JSON = 'cannot be represented in JSON. Use a string or a number instead.';

const PROBLEM_OF_TYPE: Readonly<Partial<Record<z.core.$ZodTypeDef['type'], string>>> = {
  transform: IS_TRANSFORMED,
  pipe: IS_TRANSFORMED,
  success: IS_TRANSFORMED,
  catch: IS_TRANSFORMED,
  default: HAS_DEFAULT,
  prefault: HAS_DEFAULT,
  promise: IS_ASYNCHRONOUS,
  bigint: NOT_JSON,
  symbol: NOT_JSON,
  undefined: NOT_JSON,
  void: NOT_JSON,
  date: NOT_JSON,
  map: NOT_JSON,
  set: NOT_JSON,
  file: NOT_JSON,
  nan: NOT_JSON,
  function: NOT_JSON,
};

const isAsyncFunction = (value: unknown): boolean => Object.prototype.toString.call(value) === '[object AsyncFunction]';

const isJsonLiteral = (value: unknown): boolean => findJsonViolation(value) === undefined;

/** Returns the problem of one schema, without those of the schemas within it. */
const describeProblem = (definition: AnyDefinition): string | undefined => {
  const known = PROBLEM_OF_TYPE[definition.type];
  if (known !== undefined) return known;
  if (definition['coerce'] === true || definition['normalize'] === true) return IS_TRANSFORMED;
  if (definition.type === 'literal' && !(definition['values'] as readonly unknown[]).every(isJsonLiteral))
    return NOT_JSON;
  const checks = [definition, ...(definition.checks ?? []).map((check) => check._zod.def)] as readonly AnyDefinition[];
  if (checks.some((check) => (check as { check?: unknown }).check === 'overwrite')) return IS_TRANSFORMED;
  return checks.some((check) => isAsyncFunction(check['fn'])) ? IS_ASYNCHRONOUS : undefined;
};

/** The schemas within a schema, with the names of the members that they are for. */
const innerSchemas = (definition: AnyDefinition): readonly (readonly [name: string | undefined, schema: unknown])[] => {
  const { shape, element, innerType, left, right, keyType, valueType, rest, catchall, options, items, getter } =
    definition;
  const named = Object.entries(shape ?? {});
  const single = [element, innerType, left, right, keyType, valueType, rest, catchall];
  const listed = [...((options ?? []) as readonly unknown[]), ...((items ?? []) as readonly unknown[])];
  const lazy = definition.type === 'lazy' ? [(getter as () => unknown)()] : [];
  return [...named, ...[...single, ...listed, ...lazy].map((schema) => [undefined, schema] as const)];
};

const search = (schema: unknown, path: readonly string[], visited: Set<unknown>): string | undefined => {
  if (typeof schema !== 'object' || schema === null || !('_zod' in schema) || visited.has(schema)) return undefined;
  visited.add(schema);
  const definition = (schema as z.ZodType)._zod.def as AnyDefinition;
  const problem = describeProblem(definition);
  if (problem !== undefined) return `The preference ${path.join('.')} ${problem}`;
  for (const [name, inner] of innerSchemas(definition)) {
    const innerPath = name === undefined ? path : [...path, name];
    const invalidName =
      name === undefined ? undefined : path.length === 0 ? findNameViolation(name) : findMemberNameViolation(innerPath);
    if (invalidName) return describeName(innerPath, invalidName.message);
    const found = search(inner, innerPath, visited);
    if (found !== undefined) return found;
  }
  return undefined;
};

const describeName = (path: readonly string[], message: string): string =>
  path.length === 1 && message === 'is not known'
    ? `The preference ${JSON.stringify(path[0])} has an invalid name: it must start with a letter and have at most 64 of A-Z, a-z, 0-9, "_", "." and "-".`
    : `The preference ${path.join('.')} ${message}.`;

/** Whether a value is an object schema of zod 4. */
export const isZodObject = (value: unknown): value is z.ZodObject =>
  typeof value === 'object' && value !== null && '_zod' in value && 'shape' in value;

/**
 * Returns why preferences cannot have this schema, as a sentence that names the member; `undefined` for a usable schema. A check that
 * returns a promise without being an `async` function is only found when it runs.
 */
export const findZodSchemaProblem = (schema: z.ZodObject): string | undefined => {
  const found = search(schema, [], new Set());
  if (found !== undefined) return found;
  if ((schema._zod.def.checks ?? []).length > 0)
    return 'The schema has a rule over several preferences. Each preference is validated alone, since a merge could break such a rule.';
  return findSchemaProblem(schema);
};
