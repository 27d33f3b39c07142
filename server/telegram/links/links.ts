import type { Username } from '../../../couchdb-design/user-document/user-document.ts';
import { unavailable } from '../../http/errors.ts';
import { pauseAfter } from '../../lib/jittered-delay.ts';
import type { Documents } from '../document-store.ts';
import {
  chatDocument,
  chatId,
  chatOf,
  codeDocument,
  codeId,
  linkId,
  linkPrefix,
  newCode,
  newestCodeId,
  newTag,
  readCode,
  readLink,
  type Code,
  type Link,
} from './link-documents.ts';

/** A chat as Telegram tells of it. */
export type Chat = Pick<Link, 'chat' | 'firstName' | 'telegramName'>;

/** Which chats are linked to whom. Everything rejects with 502 or 503 when the database fails. */
export interface Links {
  /** A new code for a user; one from before is good no more. */
  offer(
    username: Username,
    sessionId: string | undefined,
  ): Promise<{ readonly code: string; readonly expiresAt: number }>;
  /** Uses a code up: what it was for, or undefined when it is not, or no longer, good. */
  redeem(code: string): Promise<Code | undefined>;
  /** Links a chat to a user, in place of whomever it was linked to; undefined when too many are linked to that user. */
  link(
    chat: Chat,
    username: Username,
  ): Promise<{ readonly link: Link; readonly before: Username | undefined } | undefined>;
  ofChat(chat: number): Promise<Link | undefined>;
  /** The oldest first. */
  ofUser(username: Username): Promise<readonly Link[]>;
  /** Ends a chat's link when it is this user's; whether it was. */
  unlink(chat: number, username: Username): Promise<boolean>;
  /** Nothing stays of a user: for whoever erases an account. */
  forget(username: Username): Promise<void>;
}

/** In ms. */
export const CODE_LIFE = 10 * 60_000;
/** Chats of one user: nobody has so many by themselves. */
const MOST_LINKS = 10;
/** Each conflict is another's success, so whoever meets this many in a row is better told to come back. */
const MOST_CONFLICTS = 8;

export function createLinks(documents: Documents, now: () => number): Links {
  const ofChat = async (chat: number): Promise<Link | undefined> => readLink(await documents.read(chatId(chat)));
  const removeById = async (id: string): Promise<void> => {
    const found = await documents.read(id);
    if (found !== undefined) await documents.remove(found);
  };
  /** Does it until it was not in another's way. */
  const untilDone = async <T>(attempt: () => Promise<T | undefined>): Promise<T> => {
    for (let count = 1; count <= MOST_CONFLICTS; count += 1) {
      const done = await attempt();
      if (done !== undefined) return done;
      await pauseAfter(count);
    }
    throw unavailable('The link is being changed by many at once.');
  };
  const ofUser = async (username: Username): Promise<readonly Link[]> => {
    const chats = (await documents.idsOf(linkPrefix(username))).flatMap((id) => chatOf(id) ?? []);
    const links = (await documents.readAll(chats.map(chatId))).flatMap((document) => readLink(document) ?? []);
    return links.filter((link) => link.username === username).toSorted((a, b) => a.linkedAt - b.linkedAt);
  };
  const unlink = (chat: number, username: Username): Promise<boolean> =>
    untilDone(async () => {
      const stored = await documents.read(chatId(chat));
      if (stored === undefined || readLink(stored)?.username !== username) return false;
      if (!(await documents.remove(stored))) return undefined;
      await removeById(linkId(username, chat));
      return true;
    });
  const newestOf = async (username: Username): Promise<{ revision: string | undefined; id: string | undefined }> => {
    const stored = await documents.read(newestCodeId(username));
    const id = stored?.['code_id'];
    return { revision: stored?._rev, id: typeof id === 'string' ? id : undefined };
  };

  return {
    ofChat,
    ofUser,
    unlink,

    offer: async (username, sessionId) => {
      const code = newCode();
      const expiresAt = now() + CODE_LIFE;
      // First, so that one who asks at the same time finds it and takes it away.
      await documents.write(codeId(code), codeDocument({ username, sessionId, expiresAt }), undefined);
      await untilDone(async () => {
        const { revision, id } = await newestOf(username);
        const newest = { type: 'telegram-code-of', username, code_id: codeId(code) };
        if ((await documents.write(newestCodeId(username), newest, revision)) === undefined) return undefined;
        if (id !== undefined) await removeById(id);
        return true;
      });
      return { code, expiresAt };
    },

    redeem: async (code) => {
      const stored = await documents.read(codeId(code));
      const offered = readCode(stored);
      if (stored === undefined || offered === undefined) return undefined;
      // Of two that come with one code, the one whose removal is the first has it.
      const isMine = await documents.remove(stored);
      return isMine && now() < offered.expiresAt ? offered : undefined;
    },

    link: async (chat, username) => {
      const others = (await ofUser(username)).filter((link) => link.chat !== chat.chat);
      if (others.length >= MOST_LINKS) return undefined;
      const link: Link = { ...chat, username, linkedAt: now(), tag: newTag() };
      // Before the link itself, so that there is none that its user does not see.
      await documents.write(linkId(username, chat.chat), { type: 'telegram-link', username }, undefined);
      const before = await untilDone(async () => {
        const stored = await documents.read(chatId(chat.chat));
        const revision = await documents.write(chatId(chat.chat), chatDocument(link), stored?._rev);
        return revision === undefined ? undefined : { username: readLink(stored)?.username };
      });
      if (before.username !== undefined && before.username !== username) {
        await removeById(linkId(before.username, chat.chat));
      }
      return { link, before: before.username };
    },

    forget: async (username) => {
      for (const { chat } of await ofUser(username)) await unlink(chat, username);
      const { id } = await newestOf(username);
      for (const each of [id, newestCodeId(username)]) if (each !== undefined) await removeById(each);
    },
  };
}
