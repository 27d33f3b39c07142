/** What the import reports: a row for each document of the source, and the numbers of all. */
import type { LeftOut } from './mapped-user.ts';

/**
 * - `imported`: something was written, or would be in a dry run.
 * - `unchanged`: everything is here already.
 * - `ignored`: the document belongs to no user, by the mapping.
 * - `skipped`: nothing is imported, for the `reason`.
 */
export type ImportStatus = 'imported' | 'unchanged' | 'ignored' | 'skipped';

/**
 * - `created`: the user can sign in with the password of the source.
 * - `password-needed`: there is an account without a password; `reset-password` sets one.
 * - `exists`: there was an account with a password, which is unchanged.
 * - `none`: users sign in with an identity provider.
 */
export type AccountStatus = 'created' | 'password-needed' | 'exists' | 'none';

/** The report about one document of the source. It contains names of members, never values. */
export interface ImportRow {
  readonly source: string;
  readonly username?: string;
  readonly status: ImportStatus;
  /** A sentence without its subject. */
  readonly reason?: string;
  readonly account?: AccountStatus;
  /** Why the password of the source is not imported. */
  readonly password?: string;
  readonly leftOut?: readonly LeftOut[];
  /** Preferences that the user has changed since, which stay as they are. */
  readonly kept?: readonly string[];
  /** The number of the source's conflicting revisions, which were merged. */
  readonly conflicts?: number;
}

export interface ImportSummary {
  readonly dryRun: boolean;
  readonly documents: number;
  readonly imported: number;
  readonly unchanged: number;
  readonly ignored: number;
  readonly skipped: number;
  /** Accounts with a password of the source. */
  readonly accountsCreated: number;
  /** Accounts without a password. */
  readonly passwordsNeeded: number;
  /** Documents with members that were left out. */
  readonly incomplete: number;
}

/** Counts rows as they come, so that no row has to stay in memory. */
export class ImportCounter {
  readonly #dryRun: boolean;
  readonly #counts = { documents: 0, accountsCreated: 0, passwordsNeeded: 0, incomplete: 0 };
  readonly #statuses: Record<ImportStatus, number> = { imported: 0, unchanged: 0, ignored: 0, skipped: 0 };

  constructor(dryRun: boolean) {
    this.#dryRun = dryRun;
  }

  add({ status, account, leftOut = [] }: ImportRow): void {
    this.#statuses[status] += 1;
    this.#counts.documents += 1;
    if (account === 'created') this.#counts.accountsCreated += 1;
    if (account === 'password-needed') this.#counts.passwordsNeeded += 1;
    if (leftOut.length > 0) this.#counts.incomplete += 1;
  }

  get summary(): ImportSummary {
    return { dryRun: this.#dryRun, ...this.#statuses, ...this.#counts };
  }
}

/** The summary for people, line by line. */
export function formatSummary(summary: ImportSummary): string[] {
  const { dryRun, documents, imported, unchanged, ignored, skipped } = summary;
  const { accountsCreated, passwordsNeeded, incomplete } = summary;
  return [
    `${documents} documents read: ${imported} ${dryRun ? 'would be imported' : 'imported'}, ${unchanged} already here, ${skipped} skipped${ignored > 0 ? `, ${ignored} of no user` : ''}.`,
    ...(incomplete > 0 ? [`${incomplete} documents have members that ${dryRun ? 'would be' : 'were'} left out.`] : []),
    ...(accountsCreated > 0
      ? [`${accountsCreated} accounts ${dryRun ? 'would be' : 'were'} created with the password of the source.`]
      : []),
    ...(passwordsNeeded > 0
      ? [
          `${passwordsNeeded} accounts ${dryRun ? 'would have' : 'have'} no password, because the source has none that CouchDB can check. Set one with "users reset-password".`,
        ]
      : []),
    ...(dryRun ? ['This was a dry run: nothing was written.'] : []),
  ];
}

/** A row for people. `imported` and `unchanged` rows without a remark are not printed. */
export function formatRow({ source, username, reason, leftOut = [], password }: ImportRow): string[] {
  const name = username === undefined || source.includes(username) ? source : `${source} (${username})`;
  return [
    ...(reason === undefined ? [] : [`${name} ${reason}.`]),
    ...(password === undefined ? [] : [`${name}: the password hash ${password}.`]),
    ...leftOut.map((each) => `${name}: ${each.path} is left out: it ${each.reason}.`),
  ];
}
