/**
 * A server for the tests of `startChildServer`: `child-program serves|fails|hangs [file]`. It sends its process id, and creates
 * the file when it closes.
 */
import { writeFile } from 'node:fs/promises';
import { serveParent } from '../serve-parent.ts';

setInterval(() => undefined, 60_000);

await serveParent<number>(async () => {
  const [, , mode, file] = process.argv;
  console.error(`process ${process.pid} ${mode ?? ''}`);
  if (mode === 'fails') process.exit(1);
  if (mode === 'hangs') await new Promise(() => undefined);
  return { started: process.pid, close: async () => (file === undefined ? undefined : await writeFile(file, '')) };
});
