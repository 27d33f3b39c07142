import type { TelegramLink } from '../../../server/contract.ts';
import { useNow } from '../hooks/use-now.ts';
import { formatExpiry } from './expiry-text.ts';

/** A link and a code that link a chat, until they expire. */
export function LinkOffer({ offer }: { readonly offer: TelegramLink }) {
  const now = useNow(true);
  const botName = new URL(offer.url).pathname.slice(1);
  const expiry = formatExpiry(Date.parse(offer.expiresAt), now);
  return (
    <div className="telegram-offer" data-testid="telegram-offer">
      {expiry !== undefined && (
        <>
          <a className="button primary" href={offer.url} target="_blank" rel="noopener noreferrer">
            Open Telegram
          </a>
          <p>
            On another device, send <strong>@{botName}</strong>{' '}
            <code data-testid="telegram-code">/start {offer.code}</code>
          </p>
        </>
      )}
      <p className="row-hint">{expiry ?? 'This link has expired. Create another one.'}</p>
    </div>
  );
}
