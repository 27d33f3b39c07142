/** The timeout of closing the server, in ms. The process then exits. */
const MAX_CLOSE_MS = 10_000;

/**
 * At Ctrl+C and when a service stops, these reach every process of the group. The parent still uses the server while it
 * stops itself, and disconnects afterwards.
 */
const SIGNALS_FOR_PARENT = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** A server that has started, and the message about it for the parent. */
export interface StartedServer<Started> {
  readonly started: Started;
  readonly close: () => Promise<void>;
}

/**
 * Runs a server for the parent process of `startChildServer`. Once the parent disconnects or exits, it closes the server and
 * exits. If the server is still starting, it exits immediately. It ignores signals that are meant for the parent.
 */
export async function serveParent<Started>(start: () => Promise<StartedServer<Started>>): Promise<void> {
  let stop = (): void => process.exit(0);
  process.once('disconnect', () => stop());
  for (const signal of SIGNALS_FOR_PARENT) process.on(signal, () => undefined);
  const { started, close } = await start();
  stop = () => {
    setTimeout(() => process.exit(1), MAX_CLOSE_MS).unref();
    close().then(
      () => process.exit(0),
      () => process.exit(1),
    );
  };
  process.send?.(started);
}
