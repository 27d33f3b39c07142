// The preferences of version 1, for its pages and its gate.
import { z } from 'zod';

export const schema = z.strictObject({
  fontSize: z.int().min(8).max(40).optional(),
  homePage: z.enum(['inbox', 'today', 'news']).optional(),
  sidebarColor: z.string().max(30).optional(),
});

export const defaults = { fontSize: 16, homePage: 'inbox' } as const;
