import type { Username } from '../../../couchdb-design/user-document/user-document.ts';
import { serviceUnavailable } from '../../http/errors.ts';
import { delayWithJitter } from '../../lib/jittered-delay.ts';
import type { DocumentStore } from '../document-store.ts';
import {
  toChatDocument,
  chatDocumentId,
  parseLinkedChat,
  toCodeDocument,
  codeDocumentId,
  linkDocumentId,
  linkIdPrefix,
  generateCode,
  newestCodeDocumentId,
  generateTag,
  parseCode,
  parseLink,
  type LinkCode,
  type Link,
} from './link-documents.ts';

/** A chat as Telegram tells of it. */
export type Chat = Pick<Link, 'chat' | 'firstName' | 'telegramName'>;

/** Which chats are linked to whom. Everything rejects with 502 or 503 when the database fails. */
export interface Links {
  /** A new code for a user; one from before is good no more. */
  createCode(
    username: Username,
    sessionId: string | undefined,
  ): Promise<{ readonly code: string; readonly expiresAt: number }>;
  /** Uses a code up: what it was for, or undefined when it is not, or no longer, good. */
  redeem(code: string): Promise<LinkCode | undefined>;
  /** Links a chat to a user, in place of whomever it was linked to; undefined when too many are linked to that user. */
  link(
    chat: Chat,
    username: Username,
  ): Promise<{ readonly link: Link; readonly before: Username | undefined } | undefined>;
  findByChat(chat: number): Promise<Link | undefined>;
  /** The oldest first. */
  listByUser(username: Username): Promise<readonly Link[]>;
  /** Ends a chat's link when it is this user's; whether it was. */
  unlink(chat: number, username: Username): Promise<boolean>;
  /** Nothing stays of a user: for whoever erases an account. */
  deleteByUser(username: Username): Promise<void>;
}

/** In ms. */
export const CODE_LIFETIME_MS = 10 * 60_000;
/** Chats of one user: nobody has so many by themselves. */
const MAX_LINKS_PER_USER = 10;
/** Each conflict is another's success, so whoever meets this many in a row is better told to come back. */
const MAX_CONFLICTS = 8;

export function createLinks(documents: DocumentStore, now: () => number): Links {
  const findByChat = async (chat: number): Promise<Link | undefined> =>
    parseLink(await documents.read(chatDocumentId(chat)));
  const removeById = async (id: string): Promise<void> => {
    const found = await documents.read(id);
    if (found !== undefined) await documents.remove(found);
  };
  /** Does it until it was not in another's way. */
  const retryOnConflict = async <T>(attempt: () => Promise<T | undefined>): Promise<T> => {
    for (let count = 1; count <= MAX_CONFLICTS; count += 1) {
      const done = await attempt();
      if (done !== undefined) return done;
      await delayWithJitter(count);
    }
    throw serviceUnavailable('The link is being changed by many at once.');
  };
  const listByUser = async (username: Username): Promise<readonly Link[]> => {
    const chats = (await documents.listIds(linkIdPrefix(username))).flatMap((id) => parseLinkedChat(id) ?? []);
    const links = (await documents.readAll(chats.map(chatDocumentId))).flatMap((document) => parseLink(document) ?? []);
    return links.filter((link) => link.username === username).toSorted((a, b) => a.linkedAt - b.linkedAt);
  };
  const unlink = (chat: number, username: Username): Promise<boolean> =>
    retryOnConflict(async () => {
      const stored = await documents.read(chatDocumentId(chat));
      if (stored === undefined || parseLink(stored)?.username !== username) return false;
      if (!(await documents.remove(stored))) return undefined;
      await removeById(linkDocumentId(username, chat));
      return true;
    });
  const readNewestCode = async (
    username: Username,
  ): Promise<{ revision: string | undefined; id: string | undefined }> => {
    const stored = await documents.read(newestCodeDocumentId(username));
    const id = stored?.['code_id'];
    return { revision: stored?._rev, id: typeof id === 'string' ? id : undefined };
  };

  return {
    findByChat,
    listByUser,
    unlink,

    createCode: async (username, sessionId) => {
      const code = generateCode();
      const expiresAt = now() + CODE_LIFETIME_MS;
      // First, so that one who asks at the same time finds it and takes it away.
      await documents.write(codeDocumentId(code), toCodeDocument({ username, sessionId, expiresAt }), undefined);
      await retryOnConflict(async () => {
        const { revision, id } = await readNewestCode(username);
        const newest = { type: 'telegram-code-of', username, code_id: codeDocumentId(code) };
        if ((await documents.write(newestCodeDocumentId(username), newest, revision)) === undefined) return undefined;
        if (id !== undefined) await removeById(id);
        return true;
      });
      return { code, expiresAt };
    },

    redeem: async (code) => {
      const stored = await documents.read(codeDocumentId(code));
      const linkCode = parseCode(stored);
      if (stored === undefined || linkCode === undefined) return undefined;
      // Of two that come with one code, the one whose removal is the first has it.
      const isMine = await documents.remove(stored);
      return isMine && now() < linkCode.expiresAt ? linkCode : undefined;
    },

    link: async (chat, username) => {
      const others = (await listByUser(username)).filter((link) => link.chat !== chat.chat);
      if (others.length >= MAX_LINKS_PER_USER) return undefined;
      const link: Link = { ...chat, username, linkedAt: now(), tag: generateTag() };
      // Before the link itself, so that there is none that its user does not see.
      await documents.write(linkDocumentId(username, chat.chat), { type: 'telegram-link', username }, undefined);
      const before = await retryOnConflict(async () => {
        const stored = await documents.read(chatDocumentId(chat.chat));
        const revision = await documents.write(chatDocumentId(chat.chat), toChatDocument(link), stored?._rev);
        return revision === undefined ? undefined : { username: parseLink(stored)?.username };
      });
      if (before.username !== undefined && before.username !== username) {
        await removeById(linkDocumentId(before.username, chat.chat));
      }
      return { link, before: before.username };
    },

    deleteByUser: async (username) => {
      for (const { chat } of await listByUser(username)) await unlink(chat, username);
      const { id } = await readNewestCode(username);
      for (const each of [id, newestCodeDocumentId(username)]) if (each !== undefined) await removeById(each);
    },
  };
}
