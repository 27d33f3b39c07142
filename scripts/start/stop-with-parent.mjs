import { clearInterval, setInterval } from 'node:timers';

/** Node has no event for the end of the parent process, so it is polled. In ms. */
const POLL_INTERVAL_MS = 500;

/** Sends SIGTERM to this process once its parent has exited. Does not keep the process alive. */
export function stopWithParent() {
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    process.kill(process.pid, 'SIGTERM');
  }, POLL_INTERVAL_MS).unref();
}
