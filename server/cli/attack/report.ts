import { escapeControlCharacters, formatTable } from '../table.ts';
import type { EntryResult } from './run-list.ts';

/** The result of a run. */
export interface AttackReport {
  readonly target: string;
  readonly users: Readonly<Record<'A' | 'B', string>>;
  readonly seed: number;
  readonly results: readonly EntryResult[];
  /** Sentences about what could not be attacked or restored, and what was measured without a judgement. */
  readonly notes: readonly string[];
  readonly requests: number;
  readonly seconds: number;
}

export const countFindings = ({ results }: Pick<AttackReport, 'results'>): number =>
  results.reduce((count, { findings }) => count + findings.length, 0);

/** Formats a report: a table of all attacks, then each finding, then the notes. */
export function formatReport(report: AttackReport): readonly string[] {
  const { results, notes, requests, seconds, target } = report;
  const rows = results.map(({ group, request, expectation, observation, findings }) => [
    group,
    findings.length === 0 ? 'ok' : `${findings.length} found`,
    request,
    expectation,
    observation,
  ]);
  const details = results.flatMap(({ request, expectation, findings }) =>
    findings.flatMap((finding) => [
      '',
      `Finding: ${request}`,
      `  request      ${finding.request}`,
      `  expectation  ${expectation}`,
      `  observation  ${finding.observation}`,
    ]),
  );
  const count = countFindings(report);
  const summary = `${requests} requests to ${target} in ${seconds} s: ${count === 0 ? 'no findings' : `${count} ${count === 1 ? 'finding' : 'findings'}`}.`;
  return [
    ...formatTable(['group', 'result', 'request', 'expectation', 'observation'], rows),
    ...details,
    '',
    ...notes,
    summary,
  ].map(escapeControlCharacters);
}

/** Returns a function that replaces credentials in a text, so that no output contains them. */
export function createRedaction(secrets: readonly (string | undefined)[]): (text: string) => string {
  const texts = secrets.flatMap((secret) =>
    secret === undefined || secret === '' ? [] : [secret, encodeURIComponent(secret)],
  );
  return (text) => texts.reduce((redacted, secret) => redacted.replaceAll(secret, '[credentials]'), text);
}
