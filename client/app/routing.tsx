/** A router for an app of four pages. */
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

/** Falls back to the first route. The server sends the page only for known paths, so only a wrong link in the app leads here. */
export const useRoute = (): Route => useSyncExternalStore(subscribe, () => findRoute(location.pathname) ?? ROUTES[0]);

/** Shows another page of the app and adds it to the history. */
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

/** A link within the app. With a modifier key or another mouse button the browser follows it as usual. */
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

/** A page's heading. It sets the tab's title, and takes the focus after a navigation, so that screen readers announce it. */
export function PageTitle({ title, lead }: { readonly title: string; readonly lead: string }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} · Pouchgate`;
    // Not on the first page: the browser announces that one itself.
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
