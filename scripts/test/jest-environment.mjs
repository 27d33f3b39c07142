/**
 * Jest's environment for Node, which closes what the tests of a file have left open: see
 * couchdb-design/testing/open-resources.ts. A file in which Node warns of leaking listeners fails. Plain JavaScript, because
 * Jest loads it before it compiles anything.
 */
import { setImmediate } from 'node:timers/promises';
import { TestEnvironment } from 'jest-environment-node';

const KEY = Symbol.for('pouchgate.openResources');

/** A resource that cannot be closed must not keep the run from its end. */
const MAX_CLOSE_MS = 10_000;

export default class ClosingEnvironment extends TestEnvironment {
  #leaks = [];
  #onWarning = (warning) => {
    if (warning.name === 'MaxListenersExceededWarning') this.#leaks.push(warning);
  };

  async setup() {
    await super.setup();
    process.on('warning', this.#onWarning);
  }

  async handleTestEvent({ name }, state) {
    if (name !== 'run_finish') return;
    // Node emits a warning in the next turn of the event loop.
    await setImmediate();
    state.unhandledErrors.push(...this.#leaks);
  }

  async teardown() {
    // The last one opened is closed first: clients before their servers.
    for (const close of [...(this.global[KEY] ?? [])].reverse()) {
      const timeout = new Promise((resolve) => setTimeout(resolve, MAX_CLOSE_MS).unref());
      await Promise.race([
        Promise.resolve()
          .then(close)
          .catch(() => undefined),
        timeout,
      ]);
    }
    process.off('warning', this.#onWarning);
    await super.teardown();
  }
}
