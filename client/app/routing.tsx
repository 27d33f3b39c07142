/** The address bar and the page, kept the same: a router for an app of four pages. */
import { useEffect, useRef, useSyncExternalStore, type ReactNode } from 'react';
import { ROUTES, findRoute, type Route, type RouteName } from './routes.ts';

const listeners = new Set<() => void>();
const notifyListeners = (): void => {
  for (const listener of listeners) listener();
};
addEventListener('popstate', notifyListeners);

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

/** The server sends the page for its own paths only, so another one can only come from a link of ours that is wrong. */
export const useRoute = (): Route => useSyncExternalStore(subscribe, () => findRoute(location.pathname) ?? ROUTES[0]);

export function navigate(to: RouteName): void {
  const path = ROUTES.find(({ name }) => name === to)?.path ?? '/';
  if (path !== location.pathname) history.pushState(null, '', path);
  scrollTo({ top: 0, behavior: 'instant' });
  notifyListeners();
}

export interface LinkProps {
  readonly to: RouteName;
  readonly className?: string;
  readonly children: ReactNode;
}

/** A link within the app. With a modifier key, or another button of the mouse, the browser does as with any link. */
export function Link({ to, className, children }: LinkProps) {
  const isCurrent = useRoute().name === to;
  return (
    <a
      href={ROUTES.find(({ name }) => name === to)?.path}
      className={className}
      aria-current={isCurrent ? 'page' : undefined}
      onClick={(event) => {
        if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
        event.preventDefault();
        navigate(to);
      }}
    >
      {children}
    </a>
  );
}

/** A page's heading. It names the tab too, and takes the focus when the page was changed, so that it is read out. */
export function PageTitle({ title, lead }: { readonly title: string; readonly lead: string }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} · Pouchgate`;
    // Not on the first page of all: there the browser itself says what has been loaded.
    if (hasNavigated) heading.current?.focus({ preventScroll: true });
    hasNavigated = true;
  }, [title]);
  return (
    <div className="title">
      <h1 ref={heading} tabIndex={-1}>
        {title}
      </h1>
      <p className="lead">{lead}</p>
    </div>
  );
}

let hasNavigated = false;
