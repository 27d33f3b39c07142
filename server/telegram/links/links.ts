import type { Username } from '../../../couchdb-design/user-document/user-document.ts';
import { serviceUnavailable } from '../../http/errors.ts';
import { retryOnConflict, type RetryOnConflictOptions } from '../../lib/retry-on-conflict.ts';
import type { DocumentStore } from '../document-store.ts';
import {
  chatDocumentId,
  codeDocumentId,
  generateCode,
  generateTag,
  linkDocumentId,
  linkIdPrefix,
  newestCodeDocumentId,
  parseCode,
  parseLink,
  parseLinkedChat,
  toChatDocument,
  toCodeDocument,
  type Link,
  type LinkCode,
} from './link-documents.ts';

/** A chat, as Telegram describes it. */
export type Chat = Pick<Link, 'chat' | 'firstName' | 'telegramName'>;

/** In ms. */
export const CODE_LIFETIME_MS = 10 * 60_000;
/** More linked chats than one person uses. */
const MAX_LINKS_PER_USER = 10;

/** Every conflict means that another write succeeded, so after eight attempts the client should retry later. */
const CONFLICT_RETRIES: RetryOnConflictOptions = {
  maxAttempts: 8,
  onExhausted: () => serviceUnavailable('Other requests are changing the link at the same time. Try again.'),
};

/** The links between chats and users. Every method rejects with 502 or 503 if the database fails. */
export class Links {
  readonly #documents: DocumentStore;
  readonly #now: () => number;

  /** `now` returns the time in ms since 1970. */
  constructor(documents: DocumentStore, now: () => number) {
    this.#documents = documents;
    this.#now = now;
  }

  /** Creates a code for a user, and invalidates their previous one. `sessionId` is the session that requests it. */
  async createCode(
    username: Username,
    sessionId: string | undefined,
  ): Promise<{ readonly code: string; readonly expiresAt: number }> {
    const code = generateCode();
    const expiresAt = this.#now() + CODE_LIFETIME_MS;
    // The code is stored before it is named the newest, so that a concurrent request finds it and removes it.
    await this.#documents.write(codeDocumentId(code), toCodeDocument({ username, sessionId, expiresAt }), undefined);
    const previous = await retryOnConflict(() => this.#replaceNewestCode(username, code), CONFLICT_RETRIES);
    if (previous.id !== undefined) await this.#removeById(previous.id);
    return { code, expiresAt };
  }

  /** Consumes a code. Resolves with `undefined` if it does not exist, was already used, was replaced or has expired. */
  async redeem(code: string): Promise<LinkCode | undefined> {
    const stored = await this.#documents.read(codeDocumentId(code));
    const linkCode = parseCode(stored);
    if (stored === undefined || linkCode === undefined) return undefined;
    // Of two concurrent requests with one code, only the one that removes it succeeds.
    const isRemover = await this.#documents.remove(stored);
    return isRemover && this.#now() < linkCode.expiresAt ? linkCode : undefined;
  }

  /**
   * Links a chat to a user, in place of the user it was linked to before. Resolves with `undefined` if too many chats are
   * linked to the user.
   */
  async link(
    chat: Chat,
    username: Username,
  ): Promise<{ readonly link: Link; readonly before: Username | undefined } | undefined> {
    const others = (await this.listByUser(username)).filter((link) => link.chat !== chat.chat);
    if (others.length >= MAX_LINKS_PER_USER) return undefined;
    const link: Link = { ...chat, username, linkedAt: this.#now(), tag: generateTag() };
    // The list entry is stored before the link, so that there is never a link that its user cannot see.
    await this.#documents.write(linkDocumentId(username, chat.chat), { type: 'telegram-link', username }, undefined);
    const before = await retryOnConflict(() => this.#replaceLink(link), CONFLICT_RETRIES);
    if (before.username !== undefined && before.username !== username) {
      await this.#removeById(linkDocumentId(before.username, chat.chat));
    }
    return { link, before: before.username };
  }

  async findByChat(chat: number): Promise<Link | undefined> {
    return parseLink(await this.#documents.read(chatDocumentId(chat)));
  }

  /** Lists a user's links, the oldest first. */
  async listByUser(username: Username): Promise<readonly Link[]> {
    const ids = await this.#documents.listIds(linkIdPrefix(username));
    const chats = ids.flatMap((id) => parseLinkedChat(id) ?? []);
    const documents = await this.#documents.readAll(chats.map(chatDocumentId));
    const links = documents.flatMap((document) => parseLink(document) ?? []);
    return links.filter((link) => link.username === username).toSorted((a, b) => a.linkedAt - b.linkedAt);
  }

  /** Removes a chat's link if it is this user's. Resolves with whether it was. */
  unlink(chat: number, username: Username): Promise<boolean> {
    return retryOnConflict(async () => {
      const stored = await this.#documents.read(chatDocumentId(chat));
      if (stored === undefined || parseLink(stored)?.username !== username) return false;
      if (!(await this.#documents.remove(stored))) return undefined;
      await this.#removeById(linkDocumentId(username, chat));
      return true;
    }, CONFLICT_RETRIES);
  }

  /** Removes all links and codes of a user whose account is erased. */
  async deleteByUser(username: Username): Promise<void> {
    for (const { chat } of await this.listByUser(username)) await this.unlink(chat, username);
    const { id } = await this.#readNewestCode(username);
    for (const each of [id, newestCodeDocumentId(username)]) if (each !== undefined) await this.#removeById(each);
  }

  /** Names `code` the user's newest. Resolves with the id of the previous one, or with `undefined` on a conflict. */
  async #replaceNewestCode(username: Username, code: string): Promise<{ readonly id: string | undefined } | undefined> {
    const { revision, id } = await this.#readNewestCode(username);
    const newest = { type: 'telegram-code-of', username, code_id: codeDocumentId(code) };
    const written = await this.#documents.write(newestCodeDocumentId(username), newest, revision);
    return written === undefined ? undefined : { id };
  }

  /** Stores the link of a chat. Resolves with the user it was linked to before, or with `undefined` on a conflict. */
  async #replaceLink(link: Link): Promise<{ readonly username: Username | undefined } | undefined> {
    const id = chatDocumentId(link.chat);
    const stored = await this.#documents.read(id);
    const revision = await this.#documents.write(id, toChatDocument(link), stored?._rev);
    return revision === undefined ? undefined : { username: parseLink(stored)?.username };
  }

  async #readNewestCode(
    username: Username,
  ): Promise<{ readonly revision: string | undefined; readonly id: string | undefined }> {
    const stored = await this.#documents.read(newestCodeDocumentId(username));
    const id = stored?.['code_id'];
    return { revision: stored?._rev, id: typeof id === 'string' ? id : undefined };
  }

  async #removeById(id: string): Promise<void> {
    const stored = await this.#documents.read(id);
    if (stored !== undefined) await this.#documents.remove(stored);
  }
}

export const createLinks = (documents: DocumentStore, now: () => number): Links => new Links(documents, now);
