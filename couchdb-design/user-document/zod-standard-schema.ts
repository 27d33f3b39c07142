import type { StandardSchemaV1 } from '@standard-schema/spec';
import { z } from 'zod';

/**
 * Returns a Standard Schema that validates like the zod schema, with one difference. zod's own one first validates synchronously, and
 * drops the promise of an asynchronous check. If that promise rejects, Node ends the process. This one returns it, so that
 * createPreferenceSchema handles it.
 */
export const toStandardSchema = <S extends z.ZodType>(schema: S): StandardSchemaV1<z.infer<S>> => {
  const toResult = ({ value, issues }: z.core.ParsePayload): StandardSchemaV1.Result<z.infer<S>> =>
    issues.length === 0
      ? { value: value as z.infer<S> }
      : { issues: issues.map((issue) => z.core.util.finalizeIssue(issue, undefined, z.config())) };
  return {
    '~standard': {
      version: 1,
      vendor: 'zod',
      validate: (value) => {
        const result = schema._zod.run({ value, issues: [] }, { async: true });
        return result instanceof Promise ? result.then(toResult) : toResult(result);
      },
    },
  };
};
