/** The timeout of closing the server, in ms. The process then exits. */
const MAX_CLOSE_MS = 10_000;

/** A server that has started, and the message about it for the parent. */
export interface StartedServer<Started> {
  readonly started: Started;
  readonly close: () => Promise<void>;
}

/**
 * Runs a server for the parent process of `startChildServer`. Once the parent disconnects or exits, it closes the server and
 * exits. If the server is still starting, it exits immediately.
 */
export async function serveParent<Started>(start: () => Promise<StartedServer<Started>>): Promise<void> {
  let stop = (): void => process.exit(0);
  process.once('disconnect', () => stop());
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
