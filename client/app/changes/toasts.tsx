/** Short messages at the edge of the page, which screen readers announce. Each disappears after a while. */
import { useEffect, useState, type ReactNode } from 'react';
import { Icon } from '../components/icons.tsx';

export interface Toast {
  /** A later toast with the same id replaces this one. */
  readonly id: string;
  readonly text: string;
  readonly action?: { readonly label: string; readonly run: () => void; readonly keys?: string };
}

/** Long enough to read it and to reach the button by keyboard. The time stops while it has the pointer or the focus. */
const TOAST_DURATION_MS = 12_000;
/** The oldest ones are dropped first. */
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
  /** Places the toasts in the flow of the content, and not at the edge of the page. */
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
    // A new toast with the same id starts a new timer.
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
