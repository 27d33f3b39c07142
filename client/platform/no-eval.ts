/**
 * Must be imported before anything that makes a zod schema: without it zod tries out `new Function`, which a page whose
 * Content-Security-Policy has no 'unsafe-eval' reports as a violation.
 */
import { config } from 'zod';

config({ jitless: true });
