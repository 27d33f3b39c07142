import { randomBytes } from 'node:crypto';
import { latestEditStamp, newDeviceId, nextEditStamp } from '../../../../couchdb-design/user-document/edit-stamp.ts';
import { getString, isObject, parseJson } from '../../../lib/json.ts';
import type { OwnDocument } from '../generate/malformed-bodies.ts';
import type { UserNames } from '../generate/names.ts';
import type { AttackClient } from '../http/attack-client.ts';
import type { HttpRequest } from '../http/http-client.ts';
import type { ObservedResponse } from '../http/observed-response.ts';
import { chooseCanaryFields, type CanaryField } from './canary-field.ts';
import { DocumentNotFoundError, readOwnRow, type OwnRow } from './read-own-row.ts';

/** How a user signs in to the attacked deployment. */
export interface Credentials {
  readonly token: string;
  /** The session cookie, as `name=value`, if the command signed the user in. */
  readonly cookie?: string;
}

/** How often a write is repeated after a conflict. */
const MAX_ATTEMPTS = 4;

/** A server with a hole may have removed the document. */
const REMOVED: OwnRow = { revisions: [], document: { _deleted: true } };

/** One of the two users of an attack, with their own token. */
export class TestUser {
  readonly label: 'A' | 'B';
  readonly credentials: Credentials;
  readonly names: UserNames;
  readonly #client: AttackClient;
  /** The path of the database. */
  readonly #path: string;
  readonly #original: OwnRow;
  readonly #device = newDeviceId(Math.random);
  readonly #canaries: string[] = [];
  readonly #revisions = new Set<string>();
  #field: CanaryField | undefined;
  #current: OwnRow;

  private constructor(init: {
    label: 'A' | 'B';
    credentials: Credentials;
    names: UserNames;
    client: AttackClient;
    path: string;
    row: OwnRow;
  }) {
    this.label = init.label;
    this.credentials = init.credentials;
    this.names = init.names;
    this.#client = init.client;
    this.#path = init.path;
    this.#original = init.row;
    this.#current = init.row;
    this.#note(init.row);
  }

  /**
   * Reads what the user owns.
   *
   * @param path the path of the database
   * @throws {CommandError} If the user cannot read a document of their own.
   */
  static async open(
    label: 'A' | 'B',
    credentials: Credentials,
    { client, path, idPrefix }: { client: AttackClient; path: string; idPrefix: string },
  ): Promise<TestUser> {
    const { names, row } = await readOwnRow({ label, token: credentials.token, client, path, idPrefix });
    return new TestUser({ label, credentials, names, client, path, row });
  }

  get authorization(): string {
    return `Bearer ${this.credentials.token}`;
  }

  /** The current document, with `_id` and `_rev`. */
  get document(): OwnDocument {
    return this.#current.document;
  }

  /** All revisions that the document has had during the attack. */
  get revisions(): readonly string[] {
    return [...this.#revisions];
  }

  /** Whether the user could write a random text into the document. */
  get hasCanary(): boolean {
    return this.#field !== undefined;
  }

  /** The texts that nobody else may read: those that the user wrote, and the digests of revisions. */
  get secrets(): readonly string[] {
    const digests = this.revisions.map((revision) => revision.slice(revision.indexOf('-') + 1));
    return [...this.#canaries, ...digests.filter((digest) => digest.length >= 16)];
  }

  /** Sends a request with the user's token. */
  async send(request: HttpRequest): Promise<ObservedResponse | undefined> {
    const headers = { Authorization: this.authorization, ...request.headers };
    const outcome = await this.#client.send({ ...request, headers });
    return typeof outcome === 'string' ? undefined : outcome;
  }

  /** Writes a random text into the document. The first call chooses a preference that accepts one. */
  async plantCanary(preference?: string): Promise<void> {
    for (const field of chooseCanaryFields(this.document, preference)) {
      this.#field = field;
      const outcome = await this.edit();
      if (outcome === 'written') return;
      this.#field = undefined;
      if (outcome === 'unsupported') return;
    }
  }

  /** Changes the document, and with it the secrets. Without a preference for it, nothing is changed. */
  async edit(): Promise<'written' | 'refused' | 'unsupported'> {
    const field = this.#field;
    if (field === undefined) return 'unsupported';
    const canary = `canary-${randomBytes(8).toString('hex')}`;
    this.#canaries.push(canary);
    return this.#write((preferences) => ({ ...preferences, [field.key]: field.toValue(canary) }));
  }

  /** Whether the document has the state that this user last wrote or read. */
  async isUnchanged(): Promise<boolean> {
    return (await this.#readRow()).revisions.join() === this.#current.revisions.join();
  }

  /** Reads the document again, after a change by another client. */
  async refresh(): Promise<void> {
    this.#note(await this.#readRow());
  }

  /** Gives the preferences the values that they had before the attack. Resolves with whether they have them. */
  async restore(): Promise<boolean> {
    await this.refresh();
    const original = preferencesOf(this.#original.document);
    const isSame = JSON.stringify(original) === JSON.stringify(preferencesOf(this.document));
    if (isSame && this.document['_deleted'] !== true) return true;
    return (await this.#write(() => original)) === 'written';
  }

  async #write(change: (preferences: OwnDocument) => OwnDocument): Promise<'written' | 'refused' | 'unsupported'> {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
      const response = await this.send({
        method: 'PUT',
        target: `${this.#path}/${encodeURIComponent(this.names.id)}`,
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify(this.#withPreferences(change(preferencesOf(this.document)))),
      });
      const { status = 0, body = '' } = response ?? {};
      if (status === 201 || status === 202) {
        const rev = getString(parseJson(body), 'rev');
        if (rev !== undefined) this.#revisions.add(rev);
        await this.refresh();
        return 'written';
      }
      if (status === 404 || status === 405 || status === 501) return 'unsupported';
      if (status !== 409) return 'refused';
      await this.refresh();
    }
    return 'refused';
  }

  /** The document with these preferences, and with a stamp for each that differs. */
  #withPreferences(preferences: OwnDocument): OwnDocument {
    const { _rev } = this.document;
    const document = this.document['_deleted'] === true ? { ...this.#original.document, _rev } : this.document;
    const before = preferencesOf(document);
    const edits = (isObject(document['edits']) ? document['edits'] : {}) as Record<string, string>;
    const changed = [...new Set([...Object.keys(before), ...Object.keys(preferences)])].filter(
      (key) => JSON.stringify(before[key]) !== JSON.stringify(preferences[key]),
    );
    const seen = latestEditStamp(Object.values(edits));
    const stamp = nextEditStamp({ now: Date.now(), device: this.#device, seen });
    return { ...document, preferences, edits: { ...edits, ...Object.fromEntries(changed.map((key) => [key, stamp])) } };
  }

  async #readRow(): Promise<OwnRow> {
    const { label, credentials, names } = this;
    const options = { label, token: credentials.token, client: this.#client, path: this.#path, id: names.id };
    const { row } = await readOwnRow(options).catch((error: unknown) => {
      if (error instanceof DocumentNotFoundError) return { row: REMOVED };
      throw error;
    });
    return row;
  }

  #note(row: OwnRow): void {
    this.#current = row;
    for (const revision of row.revisions) this.#revisions.add(revision);
  }
}

const preferencesOf = (document: OwnDocument): OwnDocument =>
  isObject(document['preferences']) ? document['preferences'] : {};
