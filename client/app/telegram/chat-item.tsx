import type { TelegramChat } from '../../../server/contract.ts';
import { Icon } from '../components/icons.tsx';
import { formatRelativeTime } from '../status-text.ts';

export interface ChatItemProps {
  readonly chat: TelegramChat;
  readonly now: number;
  readonly isUnlinking: boolean;
  readonly onUnlink: () => void;
}

/** One linked chat, with the names from Telegram. */
export function ChatItem({ chat, now, isUnlinking, onUnlink }: ChatItemProps) {
  const { firstName, username, linkedAt } = chat;
  return (
    <li className="device" data-testid="telegram-chat">
      <span className="device-icon">
        <Icon name="chat" />
      </span>
      <span className="device-text">
        <strong>
          <bdi>{firstName}</bdi>
        </strong>{' '}
        {username !== null && `@${username}`}
        <span className="row-hint">
          Linked <time dateTime={linkedAt}>{formatRelativeTime(Date.parse(linkedAt), now)}</time>
        </span>
      </span>
      <button
        type="button"
        className="ghost"
        disabled={isUnlinking}
        onClick={onUnlink}
        aria-label={`Unlink ${firstName}`}
        data-testid="telegram-unlink"
      >
        {isUnlinking ? 'Unlinking…' : 'Unlink'}
      </button>
    </li>
  );
}
