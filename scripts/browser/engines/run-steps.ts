import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestServer } from '../../e2e/testing/test-server.ts';
import type { Engine, RunningBrowser, Tab } from './engine.ts';
import type { Column, StepResult } from './results-table.ts';
import { STEPS, type Session, type Step } from './steps.ts';

/** Messages about requests that failed, in each browser's words. */
const NETWORK_ERROR =
  /ERR_CONNECTION_REFUSED|NetworkError|Could not connect|network connection was lost|Failed to load/;

/** Firefox loads the icons after the page. A reload aborts these requests while the service worker serves them. */
const ABORTED_ICON = /^Error: Failed to load ‘[^’]*icon[^’]*’. A ServiceWorker intercepted the request/;

const isExpected = (error: string, step: Step): boolean =>
  ABORTED_ICON.test(error) || (step.hasNetworkErrors === true && NETWORK_ERROR.test(error));

/**
 * Runs the steps in one browser and prints a line for each. The steps after a failed one are skipped. All browser processes
 * are killed at the end, because one that hangs would not close.
 *
 * @param folder the folder for the profiles
 */
export async function runSteps(
  engine: Engine,
  executablePath: string,
  server: TestServer,
  folder: string,
): Promise<Column> {
  const browsers: RunningBrowser[] = [];
  const pages: Tab[] = [];
  const session: Session = {
    server,
    username: server.accountName(engine.name),
    startBrowser: async (name, isPrivate = false) => {
      const profile = join(folder, name);
      await mkdir(profile, { recursive: true });
      const browser = await engine.start({ executablePath, profile, isPrivate });
      browsers.push(browser);
      return browser;
    },
    openPage: async (browser) => {
      const page = await browser.openTab(server.url);
      pages.push(page);
      return page;
    },
    tabs: [],
  };
  const results: StepResult[] = [];
  for (const step of STEPS) {
    const isOver = results.some(({ outcome }) => outcome === 'failed');
    results.push(isOver ? { outcome: 'skipped' } : await runStep(step, session, pages, engine.name));
  }
  await Promise.all(browsers.map((browser) => browser.kill()));
  return { title: browsers[0]?.version ?? engine.name, results };
}

/** Fails also if a page has reported errors during the step. */
async function runStep(step: Step, session: Session, pages: readonly Tab[], browser: string): Promise<StepResult> {
  const name = `${browser}: ${step.name}`;
  const startedAt = performance.now();
  try {
    const note = await step.run(session);
    const errors = pages.flatMap((page) => page.errors.splice(0));
    const unexpected = errors.filter((error) => !isExpected(error, step));
    if (unexpected.length > 0) throw new Error(`errors on the console: ${unexpected.join('; ')}`);
    console.log(`ok      ${name} (${note}; ${((performance.now() - startedAt) / 1_000).toFixed(1)} s)`);
    return { outcome: 'passed', note };
  } catch (error) {
    console.log(`FAILED  ${name}\n${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    return { outcome: 'failed' };
  }
}
