/** An application's own preferences, with many types. Also loaded as `PREFERENCES_MODULE` by the users command. */
import { z } from 'zod';

export const schema = z.strictObject({
  flag: z.boolean().optional(),
  size: z.int().min(8).max(40).optional(),
  ratio: z.number().optional(),
  label: z.string().min(1).max(20).optional(),
  mode: z.enum(['cosy', 'compact']).optional(),
  tags: z.array(z.string()).max(5).optional(),
  point: z.strictObject({ x: z.number(), y: z.number().optional() }).optional(),
  entries: z.record(z.string(), z.json()).optional(),
  any: z.json().optional(),
});

export const defaults = { mode: 'cosy' } as const;
