import { useCallback, useEffect, useRef, useState } from 'react';
import type { TelegramChat, TelegramLink } from '../../../server/contract.ts';
import type { AccountRequests } from '../session/account-requests.ts';
import { isolate } from '../isolate.ts';
import { getErrorMessage } from '../session/error-message.ts';

/** How often the list is read while a link is offered, to notice that it was used. */
const POLL_INTERVAL_MS = 3_000;

export interface Chats {
  /** Undefined if the server has no bot, and until the list is loaded. */
  readonly chats: readonly TelegramChat[] | undefined;
  readonly offer: TelegramLink | undefined;
  /** The result of the last action. */
  readonly message: string | undefined;
  readonly isBusy: boolean;
  readonly createOffer: () => void;
  readonly unlink: (chat: TelegramChat) => void;
}

/** The linked chats. They are read again when the page becomes visible, and regularly while a link is offered. */
export function useChats(account: AccountRequests): Chats {
  const [chats, setChats] = useState<readonly TelegramChat[]>();
  const [offer, setOffer] = useState<TelegramLink>();
  const [message, setMessage] = useState<string>();
  const [isBusy, setBusy] = useState(false);
  const knownChats = useRef<ReadonlySet<string>>(undefined);

  const load = useCallback(async (): Promise<void> => {
    const current = await account.chats();
    setChats(current);
    const added = current?.find(({ id, linkedAt }) => knownChats.current?.has(id + linkedAt) === false);
    knownChats.current = new Set(current?.map(({ id, linkedAt }) => id + linkedAt));
    if (added === undefined) return;
    setOffer(undefined);
    setMessage(`${isolate(added.firstName)} is linked.`);
  }, [account]);

  useEffect(() => {
    const refresh = (): void => {
      // On a failure the last list stays, and the next refresh tries again.
      if (document.visibilityState === 'visible') void load().catch(() => undefined);
    };
    refresh();
    document.addEventListener('visibilitychange', refresh);
    const timer = offer === undefined ? undefined : setInterval(refresh, POLL_INTERVAL_MS);
    return () => {
      document.removeEventListener('visibilitychange', refresh);
      clearInterval(timer);
    };
  }, [load, offer]);

  const runAction = (action: () => Promise<string>): void => {
    setBusy(true);
    setMessage(undefined);
    void action()
      .then(setMessage, (failure: unknown) => setMessage(`That did not work. ${getErrorMessage(failure)}`))
      .finally(() => setBusy(false));
  };
  return {
    chats,
    offer,
    message,
    isBusy,
    createOffer: () =>
      runAction(async () => {
        setOffer(await account.linkChat());
        return 'Link created. Open it on a device that has Telegram.';
      }),
    unlink: (chat) =>
      runAction(async () => {
        await account.unlinkChat(chat.id);
        await load().catch(() => undefined);
        return `${isolate(chat.firstName)} is unlinked.`;
      }),
  };
}
