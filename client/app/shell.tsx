import type { ReactNode } from 'react';
import type { AppStore } from './store-types.ts';
import { Toasts, type ToastList } from './changes/toasts.tsx';
import { useSuperseded } from './changes/use-superseded.ts';
import { Brand } from './components/brand.tsx';
import { Icon } from './components/icons.tsx';
import { Notices } from './components/notices.tsx';
import { SignOutButton } from './components/sign-out-button.tsx';
import { StatusPill } from './components/status-pill.tsx';
import { ROUTES } from './routes.ts';
import { Link } from './routing.tsx';
import type { AppSession } from './session/session.ts';
import { UpdateOffer } from './update-offer.tsx';
import type { Updates } from './updates.ts';

export interface ShellProps {
  readonly session: AppSession;
  readonly store: AppStore;
  readonly updates: Updates;
  readonly toasts: ToastList;
  /** False where the page shows other stores, each with its own status. */
  readonly hasStatus: boolean;
  readonly children: ReactNode;
}

/** The frame of every page for a signed-in user: header, navigation, notices and toasts. */
export function Shell({ session, store, updates, toasts, hasStatus, children }: ShellProps) {
  useSuperseded(store, toasts);
  return (
    <>
      <a className="skip" href="#content">
        Skip to content
      </a>
      <header className="top">
        <div className="top-inner">
          <Brand />
          <nav className="main-nav" aria-label="Pages">
            {ROUTES.map(({ name, title }) => (
              <Link key={name} to={name}>
                <Icon name={name} />
                <span>{title}</span>
              </Link>
            ))}
          </nav>
          <div className="account">
            {hasStatus && <StatusPill store={store} />}
            <span className="avatar" aria-hidden="true">
              {String.fromCodePoint(store.username.codePointAt(0) ?? 0).toUpperCase()}
            </span>
            <span className="name" data-testid="current-user" title={store.username}>
              <bdi>{store.username}</bdi>
            </span>
            <SignOutButton session={session} />
          </div>
        </div>
      </header>
      <main id="content" tabIndex={-1}>
        <Notices session={session} store={store} />
        {children}
      </main>
      <Toasts list={toasts}>
        <UpdateOffer updates={updates} />
      </Toasts>
    </>
  );
}
