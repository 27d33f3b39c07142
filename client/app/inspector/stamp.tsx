import { formatStamp } from './inspector-text.ts';

/** The time and author of an edit stamp. The tooltip shows the stamp as it is stored. */
export function Stamp({ stamp, device }: { readonly stamp: string; readonly device: string }) {
  const { time, device: author, isThisDevice } = formatStamp(stamp, device);
  return (
    <span className="stamp" title={stamp}>
      <bdi>{time}</bdi> <span className={isThisDevice ? 'by here' : 'by'}>{author}</span>
    </span>
  );
}
