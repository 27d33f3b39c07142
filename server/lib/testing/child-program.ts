/** A server for the tests of `startChildServer`: `child-program serves|fails|hangs`. It sends its process id. */
import { serveParent } from '../serve-parent.ts';

setInterval(() => undefined, 60_000);

await serveParent<number>(async () => {
  const [, , mode] = process.argv;
  console.error(`process ${process.pid} ${mode ?? ''}`);
  if (mode === 'fails') process.exit(1);
  if (mode === 'hangs') await new Promise(() => undefined);
  return { started: process.pid, close: () => Promise.resolve() };
});
