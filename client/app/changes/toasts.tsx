/** Short messages at the edge of the page, read out as they come; each goes by itself unless somebody is at it. */
import { useEffect, useState, type ReactNode } from 'react';
import { Icon } from '../components/icons.tsx';

export interface Toast {
  /** A later one with the same id takes its place. */
  readonly id: string;
  readonly text: string;
  readonly action?: { readonly label: string; readonly run: () => void; readonly keys?: string };
}

/** Long enough to read it, think, and reach the button by keyboard; pointing at it or being in it stops the time. */
const TOAST_DURATION_MS = 12_000;
/** More than these at once nobody reads. */
const MAX_TOASTS = 3;

export interface ToastList {
  readonly toasts: readonly Toast[];
  readonly show: (toast: Toast) => void;
  readonly dismiss: (id: string) => void;
}

export function useToasts(): ToastList {
  const [toasts, setToasts] = useState<readonly Toast[]>([]);
  const [actions] = useState(() => ({
    show: (toast: Toast) =>
      setToasts((before) => [...before.filter(({ id }) => id !== toast.id), toast].slice(-MAX_TOASTS)),
    dismiss: (id: string) =>
      setToasts((before) => (before.some((toast) => toast.id === id) ? before.filter((t) => t.id !== id) : before)),
  }));
  return { toasts, ...actions };
}

export interface ToastsProps {
  readonly list: ToastList;
  /** In the flow of what is around it, in place of the edge of the page. */
  readonly isInline?: boolean;
  readonly children?: ReactNode;
}

export function Toasts({ list: { toasts, dismiss }, isInline = false, children }: ToastsProps) {
  const [isPaused, setPaused] = useState(false);
  return (
    <div
      className={isInline ? 'toasts inline' : 'toasts'}
      onMouseEnter={() => setPaused(true)}
      onMouseLeave={() => setPaused(false)}
      onFocus={() => setPaused(true)}
      onBlur={() => setPaused(false)}
    >
      <div role="status" className="toast-list">
        {toasts.map((toast) => (
          <ToastItem key={toast.id} toast={toast} isPaused={isPaused} onDismiss={() => dismiss(toast.id)} />
        ))}
      </div>
      {children}
    </div>
  );
}

interface ToastItemProps {
  readonly toast: Toast;
  readonly isPaused: boolean;
  readonly onDismiss: () => void;
}

function ToastItem({ toast, isPaused, onDismiss }: ToastItemProps) {
  useEffect(() => {
    if (isPaused) return;
    const timer = setTimeout(onDismiss, TOAST_DURATION_MS);
    return () => clearTimeout(timer);
    // Another text under the same id is another message, with its own time.
  }, [toast, isPaused]);
  const { text, action } = toast;
  return (
    <div className="toast" data-testid={`toast-${toast.id}`}>
      <p>{text}</p>
      {action !== undefined && (
        <button
          type="button"
          className="toast-action"
          onClick={action.run}
          aria-keyshortcuts={action.keys}
          data-testid={`toast-${toast.id}-action`}
        >
          {action.label}
        </button>
      )}
      <button type="button" className="toast-close" aria-label="Dismiss message" onClick={onDismiss}>
        <Icon name="close" size={16} />
      </button>
    </div>
  );
}
