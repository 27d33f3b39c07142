import { useEffect, useRef, useState, type RefObject } from 'react';

export interface Disclosure<E extends HTMLElement> {
  readonly isOpen: boolean;
  readonly toggle: () => void;
  /** The element that contains both the button and what it opens. */
  readonly containerRef: RefObject<E | null>;
}

/** The state of a popup beside its button. Escape, a click outside and moving the focus outside close it. */
export function useDisclosure<E extends HTMLElement>(): Disclosure<E> {
  const [isOpen, setOpen] = useState(false);
  const containerRef = useRef<E>(null);
  useEffect(() => {
    if (!isOpen) return;
    const close = (): void => setOpen(false);
    const onKey = (event: KeyboardEvent): void => {
      if (event.key !== 'Escape') return;
      close();
      containerRef.current?.querySelector('button')?.focus();
    };
    const onOutsideEvent = ({ target }: Event): void => {
      if (!(target instanceof Node) || containerRef.current?.contains(target) !== true) close();
    };
    document.addEventListener('keydown', onKey);
    document.addEventListener('pointerdown', onOutsideEvent);
    document.addEventListener('focusin', onOutsideEvent);
    return () => {
      document.removeEventListener('keydown', onKey);
      document.removeEventListener('pointerdown', onOutsideEvent);
      document.removeEventListener('focusin', onOutsideEvent);
    };
  }, [isOpen]);
  return { isOpen, toggle: () => setOpen(!isOpen), containerRef };
}
