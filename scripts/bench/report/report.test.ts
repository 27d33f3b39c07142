import { textReport, updateReadme } from './report.ts';
import { benchResult, createLiveResult } from './testing/results.ts';

it('reports every live run, the storm, the plain requests, the browsers, the notes and the machine', () => {
  const report = textReport(benchResult);
  expect(report).toMatch(/^Pouchgate +10,000 +50 +11 +22 +33 +44 +0 +12\.3 +2 +14 +9$/m);
  expect(report).toMatch(/^plain proxy +1,000 +50 +2,400 /m);
  expect(report).toMatch(/^Pouchgate +5,000 patient +4\.32 s +120 +80 +0\.8 +12 +0$/m);
  expect(report).toMatch(/^node:http alone +5,000 impatient +2\.5 s +120 +n\/a +0\.8 +12 +0$/m);
  expect(report).toContain('gate, patient: back after 1.5 s; one request to the database per 62.5 clients; ');
  expect(report).toContain('A refusal (503) costs 45.6 µs of CPU, and the same response of node:http alone 30 µs.');
  expect(report).toMatch(/one at a time +5\.2 +4 +1\.3/);
  expect(report).toMatch(/^10 +50 +40 +61 +70 +80$/m);
  expect(report).toMatch(/^4,999 of 5,000 +50 +0 +n\/a +n\/a +n\/a$/m);
  expect(report).toContain('- A note.');
  expect(report).toContain('2 cores (Some & <Any> CPU), 24 GiB, Node 20.20.2, CouchDB 3.4.3');
});

it('reports users without a parked request, missing writes, and figures that could not be measured', () => {
  const short = {
    ...createLiveResult('plain', 5_000, 1),
    parked: 4_000,
    fromSent: null,
    upstreamSecondsPerWrite: null,
    lost: 17,
    writes: { asked: 3_000, done: 1_234, failed: 5, skipped: 1_761, askedPerSecond: 50, donePerSecond: 20.5667 },
  };
  expect(textReport({ ...benchResult, live: [short] })).toMatch(
    /^plain proxy +4,000 of 5,000 +20\.6 of 50 +n\/a +n\/a +n\/a +n\/a +17 +n\/a +2 /m,
  );
});

it('replaces only the section between the markers in README', () => {
  const readme = '# A\n\nBefore.\n\n<!-- bench -->\n\nold\n\n<!-- /bench -->\n\nAfter.\n';
  const updated = updateReadme(readme, benchResult);
  expect(updated).toMatch(/^# A\n\nBefore\.\n\n<!-- bench -->\n\n[^]*\n\n<!-- \/bench -->\n\nAfter\.\n$/);
  expect(updated).not.toContain('old');
  expect(updated).toMatch(/\| Pouchgate +\| +10,000 \|/);
  expect(updated).toMatch(/\| Pouchgate +\| +5,000 patient +\| +4\.32 s +\|/);
  expect(updated).toContain('A refusal (503) costs 45.6 µs');
  expect(updateReadme(updated, benchResult)).toBe(updated);
});

it('returns a README without markers unchanged', () => {
  expect(updateReadme('# A\n', benchResult)).toBe('# A\n');
});
