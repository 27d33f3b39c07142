import { useId } from 'react';
import { useSave } from '../changes/context.ts';
import { Row } from './row.tsx';

const TIME_ZONES: readonly string[] = ['UTC', ...Intl.supportedValuesOf('timeZone').filter((zone) => zone !== 'UTC')];
const LOCAL_TIME_ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;

export function TimeZone({ value }: { readonly value: string }) {
  const id = useId();
  const save = useSave();
  return (
    <Row name="timezone" value={value} htmlFor={id} hint="Applies to the times above.">
      <select id={id} value={value} onChange={({ target }) => save({ timezone: target.value })} data-testid="timezone">
        {TIME_ZONES.includes(LOCAL_TIME_ZONE) && (
          <optgroup label="This device">
            <TimeZoneOption zone={LOCAL_TIME_ZONE} />
          </optgroup>
        )}
        <optgroup label="All">
          {(TIME_ZONES.includes(value) ? TIME_ZONES : [value, ...TIME_ZONES])
            .filter((zone) => zone !== LOCAL_TIME_ZONE)
            .map((zone) => (
              <TimeZoneOption key={zone} zone={zone} />
            ))}
        </optgroup>
      </select>
    </Row>
  );
}

const TimeZoneOption = ({ zone }: { readonly zone: string }) => (
  <option value={zone}>{zone.replaceAll('_', ' ')}</option>
);
