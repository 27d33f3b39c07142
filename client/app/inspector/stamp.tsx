import { formatStamp } from './inspector-text.ts';

/** An edit stamp, read as when and by whom; as it is stored when one points at it. */
export function Stamp({ stamp, device }: { readonly stamp: string; readonly device: string }) {
  const { time, device: author, isThisDevice } = formatStamp(stamp, device);
  return (
    <span className="stamp" title={stamp}>
      {time} <span className={isThisDevice ? 'by here' : 'by'}>{author}</span>
    </span>
  );
}
