/** The preferences of an application's older version. Also loaded as `PREFERENCES_MODULE` by the users command. */
import { z } from 'zod';

export const schema = z.strictObject({
  /** More than the built-in schema accepts under this name. */
  selectedTags: z.array(z.string().max(100)).max(40).optional(),
  /** The newer version accepts fewer values. */
  nickname: z.string().max(3_000).optional(),
  language: z.enum(['en', 'de']).optional(),
  /** The newer version has `font` instead. */
  fontSize: z.string().max(200).optional(),
  /** The newer version does not have it. */
  legacy: z.string().max(200).optional(),
  layout: z.json().optional(),
});

export const defaults = { language: 'de' } as const;
