import { useCallback, useEffect, useRef, useState } from 'react';
import type { TelegramChat, TelegramLink } from '../../../server/contract.ts';
import type { AccountRequests } from '../session/account-requests.ts';
import { getErrorMessage } from '../session/error-message.ts';

/** In ms: how often it is looked whether an open link was used. */
const POLL_INTERVAL_MS = 3_000;

export interface Chats {
  /** Undefined: there is no bot, or it is not known yet. */
  readonly chats: readonly TelegramChat[] | undefined;
  readonly offer: TelegramLink | undefined;
  /** What has just happened. */
  readonly message: string | undefined;
  readonly isBusy: boolean;
  readonly createOffer: () => void;
  readonly unlink: (chat: TelegramChat) => void;
}

/** The linked chats, read anew when one comes back to the page, and while a link is open. */
export function useChats(account: AccountRequests): Chats {
  const [chats, setChats] = useState<readonly TelegramChat[]>();
  const [offer, setOffer] = useState<TelegramLink>();
  const [message, setMessage] = useState<string>();
  const [isBusy, setBusy] = useState(false);
  const knownChats = useRef<ReadonlySet<string>>(undefined);

  const load = useCallback(async (): Promise<void> => {
    const listed = await account.chats();
    setChats(listed);
    const added = listed?.find(({ id, linkedAt }) => knownChats.current?.has(id + linkedAt) === false);
    knownChats.current = new Set(listed?.map(({ id, linkedAt }) => id + linkedAt));
    if (added === undefined) return;
    setOffer(undefined);
    setMessage(`${added.firstName} is linked.`);
  }, [account]);

  useEffect(() => {
    const refresh = (): void => {
      // What cannot be had is had the next time; what is shown is what was last true.
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

  const runAction = (work: () => Promise<string>): void => {
    setBusy(true);
    setMessage(undefined);
    void work()
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
        return `${chat.firstName} is unlinked.`;
      }),
  };
}
