import { setTimeout as delay } from 'node:timers/promises';
import { decodeSubject } from '../../../couchdb-design/user-document/user-document.ts';
import {
  addUser,
  endSessions,
  requireAddable,
  requirePasswordSignIn,
  requireResettable,
  resetPassword,
  restoreUser,
  setPreference,
  suspendUser,
} from './actions.ts';
import { addMany } from './add-many.ts';
import { CommandError, describeError } from '../command-error.ts';
import { repairAll } from '../documents/repair-all.ts';
import { repairDocument, type RepairReport } from '../documents/repair-document.ts';
import { compactAfterRepair, formatRepair, isChanged, isFaulty } from '../documents/repair-report.ts';
import type { Deployment } from '../deployment.ts';
import { eraseUser } from './erase-user.ts';
import { exportUser } from './export-user.ts';
import { formatUserList, listUsers, userListWarnings } from './list-users.ts';
import { loadUser, requireManagedAccount, requireUserExists, userStateOf, type UserData } from './load-user.ts';
import { parsePreferenceEdit } from './parse-preference-edit.ts';
import type { PasswordSource, UsersRequest } from './parse-options.ts';
import { escapeControlCharacters } from '../table.ts';
import { confirmErase, promptNewPassword, readPasswordFromInput, type Terminal } from './terminal.ts';
import { printableJson } from '../printable-json.ts';
import { createUserReport, formatUserReport } from './user-report.ts';

export interface RequestContext {
  readonly deployment: Deployment;
  readonly terminal: Terminal;
  readonly waitForGates: (() => Promise<void>) | undefined;
  /** Takes a sentence about what is done so far. */
  readonly progress: (sentence: string) => void;
}

/** The result of a request: `json` for programs, `lines` for people, and `notes` beside either. */
export interface RequestOutput {
  readonly json: unknown;
  readonly lines: readonly string[];
  readonly notes?: readonly string[];
  /** Whether a part of the request was refused: the exit code is 1. Default: false. */
  readonly failed?: boolean;
}

type RequestOf<C extends UsersRequest['command']> = Extract<UsersRequest, { command: C }>;
type PasswordRequest = Extract<UsersRequest, { passwordFrom: PasswordSource }>;

/** Does what the command line requests. Rejects with an error whose message is for the operator. */
export async function runRequest(request: UsersRequest, context: RequestContext): Promise<RequestOutput> {
  const { deployment } = context;
  if (request.command === 'list') {
    const list = await listUsers(deployment, Date.now());
    return { json: list, lines: formatUserList(list), notes: userListWarnings(list) };
  }
  if (request.command === 'add-from') return await addFrom(request.file, context);
  if (request.command === 'repair-all') return await repairEvery(request.dryRun, context);
  const userData = await loadUser(deployment, request.username);
  switch (request.command) {
    case 'add':
      return add(request, userData, context);
    case 'show':
      return show(userData, deployment);
    case 'suspend':
      return suspend(request.unseen, userData, deployment);
    case 'restore':
      return restore(userData, deployment);
    case 'reset-password':
      return reset(request, userData, context);
    case 'end-sessions':
      return signOut(userData, deployment);
    case 'set':
      return set(request, userData, deployment);
    case 'export':
      return exportAll(userData, deployment);
    case 'erase':
      return erase(request, userData, context);
    case 'repair':
      return repair(request, userData, deployment);
  }
}

async function add(
  { username, passwordFrom }: PasswordRequest,
  userData: UserData,
  { deployment, terminal }: RequestContext,
): Promise<RequestOutput> {
  requireAddable(userData, deployment);
  await addUser(deployment, username, await readPassword(passwordFrom, terminal, username));
  return { json: { username, added: true }, lines: [`${username} has an account, and can sign in.`] };
}

async function addFrom(file: string, { deployment, terminal, progress }: RequestContext): Promise<RequestOutput> {
  requirePasswordSignIn(deployment);
  const result = await addMany(deployment, { file, input: terminal.input, report: progress });
  const { added, exists, refused } = result;
  const line = `${added} accounts are added, ${exists} were there already, ${refused} are refused.`;
  return { json: result, lines: [line], failed: refused > 0 };
}

async function repair(
  { username, dryRun }: RequestOf<'repair'>,
  userData: UserData,
  deployment: Deployment,
): Promise<RequestOutput> {
  requireUserExists(userData);
  const report = await repairDocument(deployment, deployment.rules.idOf(username), dryRun);
  const notes = await compactAfterRepair(deployment, report.removesSecret && !dryRun);
  return { json: { dryRun, ...report }, lines: formatRepair(report, dryRun), notes, failed: isFaulty(report) };
}

async function repairEvery(dryRun: boolean, { deployment, progress }: RequestContext): Promise<RequestOutput> {
  const reports: RepairReport[] = [];
  for await (const report of repairAll(deployment, dryRun)) {
    reports.push(report);
    for (const line of formatRepair(report, dryRun)) progress(line);
  }
  const faulty = reports.filter(isFaulty).length;
  const repaired = reports.filter(isChanged).length;
  const verb = dryRun ? 'would be repaired' : 'are repaired';
  return {
    json: { dryRun, repaired, left: faulty, documents: reports },
    lines: [`${repaired} documents ${verb}. ${faulty} have faults that a repair does not correct.`],
    notes: await compactAfterRepair(deployment, reports.some(({ removesSecret }) => removesSecret) && !dryRun),
    failed: faulty > 0,
  };
}

function show(userData: UserData, { rules }: Deployment): RequestOutput {
  requireUserExists(userData);
  const report = createUserReport(userData, rules, Date.now());
  return { json: report, lines: formatUserReport(report) };
}

async function suspend(unseen: boolean, userData: UserData, deployment: Deployment): Promise<RequestOutput> {
  const { username, name } = userData;
  const sessionsEnded = await suspendUser(deployment, userData, unseen);
  const again = userData.suspension === undefined ? '' : ' already';
  const line = `${name} is suspended${again}, and ${describeEndedSessions(sessionsEnded)} ended. Live requests end on every gate within two seconds.`;
  return { json: { username: decodeSubject(username), suspended: true, sessionsEnded }, lines: [line] };
}

async function restore(userData: UserData, deployment: Deployment): Promise<RequestOutput> {
  const { username, name } = userData;
  const wasSuspended = await restoreUser(deployment, userData);
  const line = wasSuspended ? `${name} can sign in again.` : `${name} was not suspended.`;
  return { json: { username: decodeSubject(username), suspended: false }, lines: [line] };
}

async function reset(
  { username, passwordFrom }: PasswordRequest,
  userData: UserData,
  { deployment, terminal }: RequestContext,
): Promise<RequestOutput> {
  requireResettable(userData, deployment);
  const password = await readPassword(passwordFrom, terminal, username);
  const sessionsEnded = await resetPassword(deployment, userData, password);
  const line = `The password of ${username} is changed, and ${describeEndedSessions(sessionsEnded)} ended.`;
  const note = `${username} is still suspended. Run "restore ${username}" to end that.`;
  const isSuspended = userStateOf(userData.suspension) === 'suspended';
  return { json: { username, sessionsEnded }, lines: [line], notes: isSuspended ? [note] : [] };
}

async function signOut(userData: UserData, deployment: Deployment): Promise<RequestOutput> {
  const { username, name } = userData;
  requireUserExists(userData);
  const sessionsEnded = await endSessions(deployment, username);
  const note = 'Tokens of the other identity provider are valid until they expire; "suspend" revokes those too.';
  const line = `${name} is signed out everywhere: ${describeEndedSessions(sessionsEnded)} ended.`;
  const json = { username: decodeSubject(username), sessionsEnded };
  return { json, lines: [line], notes: deployment.hasIdentityProvider ? [note] : [] };
}

async function set(request: RequestOf<'set'>, userData: UserData, deployment: Deployment): Promise<RequestOutput> {
  const edit = parsePreferenceEdit(deployment.rules, request.preference, request.value);
  const result = await setPreference(deployment, userData, edit);
  const { preference, value } = result;
  const text = value === null ? 'unset: the default applies' : escapeControlCharacters(JSON.stringify(value));
  return { json: result, lines: [`${preference} of ${userData.name} is ${text}.`] };
}

function exportAll(userData: UserData, { rules }: Deployment): RequestOutput {
  requireUserExists(userData);
  const all = exportUser(userData, rules, Date.now());
  return { json: all, lines: [printableJson(all)] };
}

/**
 * A gate notices within 12.5 s that its sessions feed is silent (upstream/feed/feed.ts), and then relies for another 5 s on
 * its cached records (identity/access/access-monitor.ts).
 */
const GATE_SETTLE_MS = 20_000;

async function erase(
  { username, yes }: RequestOf<'erase'>,
  userData: UserData,
  { deployment, terminal, progress, ...context }: RequestContext,
): Promise<RequestOutput> {
  requireUserExists(userData);
  // The subjects of an identity provider may be names of CouchDB's accounts, which the erasure then leaves alone.
  if (deployment.hasPasswordSignIn) requireManagedAccount(userData, deployment);
  if (!yes) await confirmErase(terminal, userData.name);
  // No gate runs beside an engine in this process.
  const settleMs = deployment.kind === 'embedded' ? undefined : GATE_SETTLE_MS;
  const waitForGates = context.waitForGates ?? (() => delay(settleMs));
  const done: string[] = [];
  const report = (sentence: string): void => {
    done.push(sentence);
    progress(sentence);
  };
  try {
    const result = await eraseUser({ deployment, username, waitForGates, report, now: Date.now });
    return { json: result, lines: [`${userData.name} is erased, and the name stays taken.`], notes: result.left };
  } catch (error) {
    const completed = done.length === 0 ? 'nothing is done yet' : `done so far: ${done.join(' ')}`;
    throw new CommandError(
      `${describeError(error)} The erasure is not finished (${completed}). Run it again to continue.`,
    );
  }
}

const describeEndedSessions = (sessions: number): string =>
  sessions === 1 ? 'one session is' : `${sessions} sessions are`;

const readPassword = (from: PasswordSource, terminal: Terminal, username: string): Promise<string> =>
  from === 'stdin' ? readPasswordFromInput(terminal.input) : promptNewPassword(terminal, username);
