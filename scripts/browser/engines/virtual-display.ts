/** An X display in memory, for browsers without a headless mode. */
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { killGroup, spawnGroup } from './process-group.ts';

export interface VirtualDisplay {
  /** The value of `DISPLAY`, e.g. `:1`. */
  readonly name: string;
  readonly close: () => Promise<void>;
}

/** Starts Xvfb on a free display. Throws if it ends before it is ready. */
export async function startVirtualDisplay(width = 1280, height = 900): Promise<VirtualDisplay> {
  const args = ['-displayfd', '3', '-screen', '0', `${width}x${height}x24`, '-nolisten', 'tcp'];
  const server = spawnGroup('Xvfb', args);
  const display = server.stdio[3] as Readable;
  // Xvfb writes the number of the display once it accepts connections.
  const [first] = (await Promise.race([once(display, 'data'), once(display, 'end')])) as [Buffer | undefined];
  if (first === undefined) throw new Error('Xvfb ended at its start.');
  return { name: `:${first.toString().trim()}`, close: () => killGroup(server) };
}
