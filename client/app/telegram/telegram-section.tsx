import { useState } from 'react';
import { Section } from '../sections/section.tsx';
import type { AccountRequests } from '../session/account-requests.ts';
import { ChatItem } from './chat-item.tsx';
import { LinkOffer } from './link-offer.tsx';
import { useChats } from './use-chats.ts';

export interface TelegramSectionProps {
  readonly account: AccountRequests;
  readonly now: number;
}

/** The user's chats with the Telegram bot. Renders nothing if the server has no bot. */
export function TelegramSection({ account, now }: TelegramSectionProps) {
  const { chats, offer, message, isBusy, createOffer, unlink } = useChats(account);
  const [unlinking, setUnlinking] = useState<string>();
  if (chats === undefined) return null;
  return (
    <Section
      id="telegram"
      title="Telegram"
      lead="View and change your preferences in a chat. Signing out devices does not unlink chats. Unlink them here."
    >
      {chats.length > 0 && (
        <ul className="devices" aria-label="Linked chats">
          {chats.map((chat) => (
            <ChatItem
              key={chat.id}
              chat={chat}
              now={now}
              isUnlinking={isBusy && unlinking === chat.id}
              onUnlink={() => {
                setUnlinking(chat.id);
                unlink(chat);
              }}
            />
          ))}
        </ul>
      )}
      <div className="telegram-link">
        <p role="status" className="row-hint" data-testid="telegram-message">
          {message}
        </p>
        {offer !== undefined && <LinkOffer offer={offer} />}
        <button
          type="button"
          className={offer === undefined ? 'primary' : 'ghost'}
          disabled={isBusy}
          onClick={createOffer}
          data-testid="telegram-create-link"
        >
          {offer === undefined ? 'Link a Telegram chat' : 'Create another link'}
        </button>
      </div>
    </Section>
  );
}
