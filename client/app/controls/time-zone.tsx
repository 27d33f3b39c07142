import { useId } from 'react';
import { useSave } from '../changes/context.ts';
import { Row } from './row.tsx';

const ZONES: readonly string[] = ['UTC', ...Intl.supportedValuesOf('timeZone').filter((zone) => zone !== 'UTC')];
const HERE = Intl.DateTimeFormat().resolvedOptions().timeZone;

export function TimeZone({ value }: { readonly value: string }) {
  const id = useId();
  const save = useSave();
  return (
    <Row name="timezone" value={value} htmlFor={id} hint="Of the times above.">
      <select id={id} value={value} onChange={({ target }) => save({ timezone: target.value })} data-testid="timezone">
        {ZONES.includes(HERE) && (
          <optgroup label="This device’s">
            <Zone zone={HERE} />
          </optgroup>
        )}
        <optgroup label="All">
          {(ZONES.includes(value) ? ZONES : [value, ...ZONES])
            .filter((zone) => zone !== HERE)
            .map((zone) => (
              <Zone key={zone} zone={zone} />
            ))}
        </optgroup>
      </select>
    </Row>
  );
}

const Zone = ({ zone }: { readonly zone: string }) => <option value={zone}>{zone.replaceAll('_', ' ')}</option>;
