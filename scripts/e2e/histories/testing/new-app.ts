/** The preferences of the same application's newer version. Also loaded as `PREFERENCES_MODULE` by the users command. */
import { z } from 'zod';

export const schema = z.strictObject({
  selectedTags: z.array(z.string().max(20)).max(5).optional(),
  nickname: z.string().max(40).optional(),
  language: z.enum(['en']).optional(),
  font: z.strictObject({ size: z.string().max(200) }).optional(),
  /** Kept for pages of the older version that sync with a gate of the newer one. */
  fontSize: z.string().max(200).optional(),
  pinned: z.array(z.string().max(200)).optional(),
  layout: z.json().optional(),
});

export const defaults = { language: 'en' } as const;

/** Converts `fontSize` of the older version. */
export const upgrade = ({ fontSize, ...values }: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  typeof fontSize === 'string' ? { font: { size: fontSize }, ...values } : values;
