/**
 * Shows that every interface can set every preference that it knows, without changing the history: on a copy of the document
 * that belongs to another user.
 */
import { canonicalJson } from '../../../../couchdb-design/user-document/canonical-json.ts';
import { latestEditStamp, nextEditStamp } from '../../../../couchdb-design/user-document/edit-stamp.ts';
import type { Person } from '../../../../server/testing/fake-telegram-api.ts';
import type { Deployment, Gate, StoredDocument } from './deployment.ts';
import type { Document } from './devices.ts';
import { patchOverRest, readOverRest, type Values } from '../../testing/preferences-over-rest.ts';
import { editByCommand } from './participants.ts';
import { COMPLETE_PATCHES, type Version } from './preference-domains.ts';
import { itemAt } from './item-at.ts';
import { retryWhileBusy } from '../../testing/retry-while-busy.ts';

/** An interface sets preferences. Resolves with the version, and what it then shows at least. */
type Probe = () => Promise<{ readonly version: Version; readonly expected: Values }>;

interface ReplicatedDocument extends Document {
  readonly _rev: string;
  readonly _revisions: { readonly start: number; readonly ids: readonly string[] };
}

const HEADERS = { 'content-type': 'application/json' };

/** Replicates an edit of the document as a device does. */
async function replicateEdit({ registryUrl, token }: Gate, username: string, patch: Values): Promise<void> {
  const headers = { ...HEADERS, authorization: `Bearer ${token(username)}` };
  const read = await fetch(`${registryUrl}/user_${username}?revs=true`, { headers });
  if (!read.ok) throw new Error(`the response to the read is ${read.status}: ${await read.text()}`);
  const document = (await read.json()) as ReplicatedDocument;
  const { start, ids } = document._revisions;
  const stamp = nextEditStamp({
    now: Date.now(),
    device: 'shado',
    seen: latestEditStamp(Object.values(document.edits)),
  });
  const id = `${start + 1}`.padStart(32, '0').replace(/^0/, 'f');
  const row = {
    ...document,
    _rev: `${start + 1}-${id}`,
    _revisions: { start: start + 1, ids: [id, ...ids] },
    preferences: { ...document.preferences, ...patch },
    edits: { ...document.edits, ...Object.fromEntries(Object.keys(patch).map((key) => [key, stamp])) },
  };
  const written = await fetch(`${registryUrl}/_bulk_docs`, {
    method: 'POST',
    headers,
    body: JSON.stringify({ docs: [row], new_edits: false }),
  });
  const text = await written.text();
  if (!written.ok || text.includes('"error"')) throw new Error(`the response to the row is ${written.status}: ${text}`);
}

/** A user whose document is replaced before each probe. */
export class Shadow {
  readonly #deployment: Deployment;
  readonly #username: string;
  readonly #person: Person;
  readonly #probes: readonly (readonly [name: string, probe: Probe])[];
  #next = 0;

  private constructor(deployment: Deployment, username: string, person: Person) {
    this.#deployment = deployment;
    this.#username = username;
    this.#person = person;
    this.#probes = this.#createProbes();
  }

  static async create(deployment: Deployment, username: string): Promise<Shadow> {
    await readOverRest(deployment.gates['built-in'], username);
    return new Shadow(deployment, username, await deployment.linkChat(username));
  }

  /** Runs the next `count` probes, in rotation. Resolves with a sentence for each that fails. */
  async findViolations(original: StoredDocument, count: number): Promise<readonly string[]> {
    const violations: string[] = [];
    for (let done = 0; done < count; done += 1) {
      const [name, probe] = this.#probes[this.#next % this.#probes.length] ?? [];
      this.#next += 1;
      if (name === undefined || probe === undefined) continue;
      try {
        await this.#copy(original);
        const { version, expected } = await retryWhileBusy(probe);
        const shown = await readOverRest(this.#deployment.gates[version], this.#username);
        const missing = Object.entries(expected).filter(
          ([key, value]) => canonicalJson(shown[key] ?? null) !== canonicalJson(value),
        );
        if (missing.length > 0) violations.push(`${name} did not set ${JSON.stringify(missing)}`);
      } catch (error) {
        violations.push(`${name} cannot edit the document: ${String(error)}`);
      }
    }
    return violations;
  }

  async #copy(original: StoredDocument): Promise<void> {
    await this.#deployment.replaceStored(this.#username, () => ({ ...original, username: this.#username }));
  }

  #createProbes(): readonly (readonly [string, Probe])[] {
    const { gates } = this.#deployment;
    const versions = Object.keys(COMPLETE_PATCHES) as Version[];
    const complete = (
      version: Version,
      edit: (gate: Gate, username: string, patch: Values) => Promise<unknown>,
    ): Probe => {
      const expected = COMPLETE_PATCHES[version];
      return async () => {
        await edit(gates[version], this.#username, expected);
        return { version, expected };
      };
    };
    // It opens the database each time, so it edits one preference.
    const command = async (version: Version): ReturnType<Probe> => {
      const [key, value] = itemAt(Object.entries(COMPLETE_PATCHES[version]), this.#next);
      await editByCommand(gates[version], this.#username, { [key]: value });
      return { version, expected: { [key]: value } };
    };
    const show = async (): ReturnType<Probe> => {
      const version = itemAt(versions, this.#next);
      const { code, stderr } = await gates[version].runCommand('show', '--', this.#username);
      if (code !== 0) throw new Error(stderr);
      return { version, expected: {} };
    };
    const bot = async (): ReturnType<Probe> => {
      const commands = [
        ['/theme light', { theme: 'light' }],
        ['/view graph', { viewMode: 'graph' }],
        ['/briefing on 05:45', { dailyBriefing: true, briefingTime: '05:45' }],
        ['/sidebar off', { activitySidebarOpen: false }],
        ['/timezone Asia/Tokyo', { timezone: 'Asia/Tokyo' }],
      ] as const;
      const [text, expected] = itemAt(commands, this.#next);
      const { text: reply = '' } = await this.#person.sendMessage(text);
      if (/does not answer|try again/i.test(reply)) throw new Error(`The bot is busy: ${reply}`);
      return { version: 'built-in', expected };
    };
    return [
      ...versions.map((version) => [`replication (${version})`, complete(version, replicateEdit)] as const),
      ['the bot', bot],
      ...versions.map((version) => [`REST (${version})`, complete(version, patchOverRest)] as const),
      ...versions.map((version) => [`the command (${version})`, () => command(version)] as const),
      ['the command that shows', show] as const,
      ...versions.flatMap((version) => {
        const edit: Gate['edit'] = gates[version].edit;
        return edit === undefined
          ? []
          : [
              [
                `the application (${version})`,
                complete(version, (_gate, username, patch) => edit(username, patch)),
              ] as const,
            ];
      }),
    ];
  }
}
