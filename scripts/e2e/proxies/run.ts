/**
 * Runs the live sync, the event stream, a large token and a rolling restart of two gates through nginx, HAProxy and Caddy:
 * `npm run test:proxies`. `npm run install-proxies` installs them. Prints a table, and `N passed, N failed, N skipped`.
 *
 *     tsx scripts/e2e/proxies/run.ts [--seconds 70] [--lead 10] [--quick] [part of a proxy's or configuration's name …]
 *
 * `--seconds` is how long clients must stay live, and `--lead` the gates' `DRAIN_LEAD_SECONDS`. `--quick` is shorter, and
 * restarts the gates behind the configurations of docs/proxies only, for `npm test`.
 */
// Before the modules that read it.
import '../../test/set-patience.ts';
// PouchDB's browser build needs `self`.
import '../../test/jest-setup.ts';
import { parseArgs } from 'node:util';
import { markdownTable } from '../../tables.ts';
import { checkLargeToken } from './checks/large-token.ts';
import type { Outcome } from './checks/outcome.ts';
import { checkRollingRestart } from './checks/rolling-restart.ts';
import { checkEventStream, checkLiveSync } from './checks/stays-live.ts';
import { createClients } from './testing/clients.ts';
import { startGates } from './testing/gates.ts';
import { createJournal, type Journal } from './testing/journal.ts';
import { createPathFactory, type Path } from './testing/paths.ts';
import { CONFIGURATION_NAMES, PROXY_NAMES } from './testing/proxies.ts';
import { findProgram } from './testing/proxy-process.ts';

const CHECKS_PER_PATH = 3;
/** Longer than a client waits for a heartbeat, and than the proxies' checks of the gates take. */
const QUICK = { seconds: 35, lead: 5 } as const;

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      seconds: { type: 'string', default: '70' },
      lead: { type: 'string', default: '10' },
      quick: { type: 'boolean', default: false },
    },
  });
  const { seconds, lead } = values.quick ? QUICK : { seconds: Number(values.seconds), lead: Number(values.lead) };
  const selected = PROXY_NAMES.flatMap((proxy) =>
    CONFIGURATION_NAMES.filter((configuration) =>
      positionals.every((part) => `${proxy} ${configuration}`.includes(part)),
    ).map((configuration) => ({ proxy, configuration, program: findProgram(proxy) })),
  );
  const journal = createJournal();
  const gates = await startGates(lead, journal);
  const factory = createPathFactory(gates.addresses, journal);
  const clients = createClients(gates);
  const paths: Path[] = [];
  try {
    for (const { proxy, configuration, program } of selected) {
      if (program === undefined) console.log(`skipped: ${proxy} is not installed (npm run install-proxies)`);
      else paths.push(await factory.open(proxy, program, configuration));
    }
    const live = await Promise.all(
      paths.map((path) =>
        Promise.all([
          checkLiveSync(clients, path, journal, seconds),
          checkEventStream(clients, path, journal, seconds),
          // The other configurations have the proxies' default limits.
          path.configuration === 'docs/proxies' ? checkLargeToken(gates, path) : undefined,
        ]),
      ),
    );
    await clients.close();
    const restarted = values.quick ? paths.filter(({ configuration }) => configuration === 'docs/proxies') : paths;
    const restarts = await checkRollingRestart(gates, clients, restarted);
    return report(
      paths.map((path, n) => ({ path, outcomes: [...(live[n] ?? []), restarts.get(path)] })),
      selected.length - paths.length,
      journal,
    );
  } finally {
    journal.close();
    await clients.close();
    await Promise.all(paths.map((path) => path.close()));
    await gates.close();
  }
}

/**
 * Prints the table and the counts, and the journal if a check failed. Returns the exit code. An outcome is undefined where the check
 * did not run.
 */
function report(
  rows: readonly { readonly path: Path; readonly outcomes: readonly (Outcome | undefined)[] }[],
  skippedPaths: number,
  journal: Journal,
): number {
  const formatOutcome = (outcome: Outcome | undefined): string =>
    outcome === undefined ? '' : `${outcome.passed ? 'ok' : 'FAILED'}: ${outcome.note}`;
  console.log(
    markdownTable(
      [
        ['proxy', 'configuration', 'live sync', 'event stream', 'large token', 'rolling restart'],
        ...rows.map(({ path, outcomes }) => [path.proxy, path.configuration, ...outcomes.map(formatOutcome)]),
      ],
      'texts',
    ),
  );
  const all = rows.flatMap(({ outcomes }) => outcomes).filter((outcome) => outcome !== undefined);
  const passed = all.filter((outcome) => outcome.passed).length;
  const failed = all.length - passed;
  if (failed > 0) console.log(['', 'Journal:', ...journal.lines(), ''].join('\n'));
  console.log(`${passed} passed, ${failed} failed, ${skippedPaths * CHECKS_PER_PATH} skipped`);
  return failed === 0 ? 0 : 1;
}

// Then the listeners of `exit` end the proxies and gates.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error instanceof Error ? error.stack : error);
    process.exit(1);
  },
);
