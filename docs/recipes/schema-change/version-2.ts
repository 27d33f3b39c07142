// The preferences of version 2, for its pages and its gate.
import { z } from 'zod';
import { schema as version1 } from './version-1.ts';

export const schema = z.strictObject({
  textSize: z.int().min(50).max(250).optional(),
  homePage: z.enum(['inbox', 'today']).optional(),
  pinned: z.array(z.string().max(100)).max(20).optional(),
});

export const defaults = { textSize: 100, homePage: 'inbox', pinned: [] as string[] } as const;

/** Converts the values of version 1. Its `fontSize` is in pixels, and 16 pixels are 100 percent. */
export const upgrade = ({ fontSize, ...values }: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  typeof fontSize === 'number' ? { textSize: Math.round((fontSize / 16) * 100), ...values } : values;

/** The schema of the gate while pages of version 1 are in use: it accepts what both versions write. */
export const gateSchema = z.strictObject({ ...schema.shape, ...version1.shape });
