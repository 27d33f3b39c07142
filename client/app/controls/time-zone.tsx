import { useId } from 'react';
import { useSave } from '../use-save.ts';
import { Row } from './row.tsx';

const ZONES: readonly string[] = ['UTC', ...Intl.supportedValuesOf('timeZone').filter((zone) => zone !== 'UTC')];
const HERE = Intl.DateTimeFormat().resolvedOptions().timeZone;

export function TimeZone({ value }: { readonly value: string }) {
  const id = useId();
  const save = useSave();
  return (
    <Row name="timezone" value={value} htmlFor={id} hint="The times above are meant in this zone.">
      {HERE !== value && ZONES.includes(HERE) && (
        <button type="button" className="ghost" onClick={() => save({ timezone: HERE })}>
          Use this device’s
        </button>
      )}
      <select id={id} value={value} onChange={({ target }) => save({ timezone: target.value })} data-testid="timezone">
        {(ZONES.includes(value) ? ZONES : [value, ...ZONES]).map((zone) => (
          <option key={zone} value={zone}>
            {zone.replaceAll('_', ' ')}
          </option>
        ))}
      </select>
    </Row>
  );
}
