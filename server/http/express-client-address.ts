import type { Request } from 'express';
import { addressKey } from './client-address.ts';

/**
 * Returns the key of the client of a request that Express handles. Behind trusted proxies it is that of the address which they
 * forward.
 */
export const clientAddress = ({ ip = '' }: Pick<Request, 'ip'>): string => addressKey(ip);
