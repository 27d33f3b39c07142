import { BroadcastChannel } from 'node:worker_threads';
import type { Environment } from '../../../client/index.ts';

/**
 * Opens a BroadcastChannel that does not keep the process alive, because a simulated page that crashes never closes its
 * channel.
 *
 * @param name the name of the channel, unique to one simulated browser
 */
export function openChannel(name: string): ReturnType<Environment['openChannel']> {
  const channel = new BroadcastChannel(name);
  channel.unref();
  return channel as globalThis.BroadcastChannel & typeof channel;
}
