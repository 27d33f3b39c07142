import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startTestGate } from '../../../server/testing/test-gate.ts';
import { GroupMetrics } from '../../../server/workers/group-metrics.ts';
import { runCheck, testWith } from './testing/check-program.ts';

/** What operators copy from docs/operations, checked against the metrics of a real server and by promtool. */

const FOLDER = join(import.meta.dirname, '../../../docs/operations');
const read = (name: string): string => readFileSync(join(FOLDER, name), 'utf8');
const promtoolTest = testWith('promtool');

/** The `/metrics` of a server that has served some requests. */
let metrics: string;
beforeAll(async () => {
  const gate = await startTestGate({ METRICS_PORT: '0' });
  await gate.request('ida', '/_changes');
  await gate.request('ida', '/user_bob');
  await fetch(`${gate.url}/readyz`);
  const own = await (await fetch(gate.pouchgate.metricsUrl ?? '')).text();
  // A server with several workers has some more.
  metrics = own + (await new GroupMetrics().render());
  await gate.close();
});

/** The names of all series, as a query refers to them. */
const seriesNames = (): ReadonlySet<string> =>
  new Set(
    [...metrics.matchAll(/^# TYPE (\S+) (\S+)$/gm)].flatMap(([, name = '', type]) =>
      type === 'histogram' ? [`${name}_bucket`, `${name}_count`, `${name}_sum`] : [name],
    ),
  );

/** The metrics of this server that a query names. Others, such as `up`, are Prometheus' own. */
const namesIn = (query: string): string[] => query.match(/\b(?:pouchgate|process|nodejs)_\w+/g) ?? [];

interface Dashboard {
  readonly panels: readonly {
    readonly id: number;
    readonly title: string;
    readonly targets: readonly { readonly expr: string }[];
  }[];
}
const dashboard = (): Dashboard => JSON.parse(read('grafana-dashboard.json')) as Dashboard;
const queries = (): string[] => dashboard().panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
const alertNames = (): string[] => [...read('alerts.yml').matchAll(/- alert: (\w+)/g)].map(([, name = '']) => name);
/** The expressions without annotations and comments, in which other words may look like metrics. */
const alertExpressions = (): string =>
  read('alerts.yml')
    .replace(/^ *#.*$/gm, '')
    .replace(/^ *(summary|runbook_url):.*$/gm, '');

promtoolTest('promtool finds no fault in the names, units and descriptions of the metrics', () => {
  expect(runCheck('promtool', ['check', 'metrics'], metrics)).toEqual({ exitCode: 0, output: '' });
});

test('every metric of the gate has a description in docs/operations.md', () => {
  const page = readFileSync(join(FOLDER, '../operations.md'), 'utf8');
  const names = [...metrics.matchAll(/^# TYPE (pouchgate_\S+) /gm)].map(([, name = '']) => name);
  expect(names.length).toBeGreaterThan(15);
  expect(names.filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
});

test('the alerting rules and the dashboard name only metrics that the server has', () => {
  const known = seriesNames();
  for (const query of [alertExpressions(), ...queries()]) {
    expect(namesIn(query).length).toBeGreaterThan(0);
    expect(namesIn(query).filter((name) => !known.has(name))).toEqual([]);
  }
});

test('the label values that the alerting rules select occur in the server', () => {
  expect(metrics).toContain('pouchgate_ready{check="not_draining"}');
  expect(metrics).toContain('pouchgate_requests_total{kind="health",status="2xx"}');
  expect(metrics).toContain('pouchgate_refused_requests_total{reason="bad_gateway",status="502"} 0\n');
  expect(metrics).toContain('pouchgate_denied_writes_total{reason="conflict"} 0\n');
});

promtoolTest('promtool accepts the alerting rules', () => {
  expect(runCheck('promtool', ['check', 'rules', join(FOLDER, 'alerts.yml')])).toMatchObject({ exitCode: 0 });
});

promtoolTest('each alert fires when it should, and none in normal operation', () => {
  const result = runCheck('promtool', ['test', 'rules', join(FOLDER, 'alerts.test.yml')]);
  expect(result).toMatchObject({ exitCode: 0 });
});

test('each alert has a test in which it fires, one in which it does not, and a line in docs/operations.md', () => {
  const tests = read('alerts.test.yml');
  const page = readFileSync(join(FOLDER, '../operations.md'), 'utf8');
  expect(alertNames().length).toBeGreaterThan(7);
  for (const name of alertNames()) {
    expect(tests).toMatch(new RegExp(`- alertname: ${name}\\n +eval_time: \\w+\\n +exp_alerts:\\n +- exp_labels`));
    expect(tests).toContain(`- { alertname: ${name}, eval_time: 30m }`);
    expect(page).toContain(`| \`${name}\``);
  }
});

promtoolTest('promtool accepts every query of the dashboard', () => {
  const folder = mkdtempSync(join(tmpdir(), 'pouchgate-dashboard-'));
  try {
    // As recording rules, with the variables that Grafana replaces.
    const rules = queries().map((expr, n) => ({
      record: `dashboard:query:${n}`,
      expr: expr.replaceAll('$__rate_interval', '5m').replaceAll('$instance', '.*'),
    }));
    const file = join(folder, 'dashboard.yml');
    // JSON is YAML.
    writeFileSync(file, JSON.stringify({ groups: [{ name: 'dashboard', rules }] }));
    expect(runCheck('promtool', ['check', 'rules', file])).toMatchObject({ exitCode: 0 });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('the dashboard has a data source and a place for every panel', () => {
  const { panels } = dashboard();
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  for (const panel of panels)
    expect(panel).toMatchObject({
      datasource: { type: 'prometheus', uid: '${datasource}' },
      gridPos: { w: expect.any(Number) as number },
    });
});
