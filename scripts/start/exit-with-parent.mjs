/**
 * Preloaded (`--import`) into a server that a test or the benchmark starts with an IPC channel. The process exits when its
 * parent does, even if the parent was killed.
 */
import process from 'node:process';

process.once('disconnect', () => process.exit(0));
// Otherwise the channel would keep the process alive.
process.channel?.unref();
