import { useId, useState, type SyntheticEvent } from 'react';
import { PREFERENCE_RULES } from '../../../couchdb-design/user-document/preference-rules.ts';
import type { PreferenceValues } from '../store-types.ts';
import { useSave } from '../changes/context.ts';
import { isolate } from '../isolate.ts';
import { TIME_RANGES } from './options.ts';
import { Row } from './row.tsx';

const { maxItems: MAX_PRESETS, of: PRESET_RULE } = PREFERENCE_RULES.filterPresets;
const {
  name: NAME_RULE,
  selectedTags: TAGS_RULE,
  selectedContexts: CONTEXTS_RULE,
  selectedStatus: STATUS_RULE,
} = PRESET_RULE.members;

type Preset = PreferenceValues['filterPresets'][number];

const describePreset = ({ selectedTags, selectedContexts, selectedStatus, selectedTimeRange }: Preset): string => {
  const tags = [...(selectedTags ?? []), ...(selectedContexts ?? []), ...(selectedStatus ?? [])].map(isolate);
  const range = TIME_RANGES.filter(({ value }) => value !== 'all' && value === selectedTimeRange);
  return [...tags, ...range.map(({ label }) => label.toLowerCase())].join(', ') || 'everything';
};

/** Saved filters: the current filters can be saved under a name and applied again later. */
export function Presets({ preferences }: { readonly preferences: PreferenceValues }) {
  const id = useId();
  const save = useSave();
  const { filterPresets, selectedTags, selectedContexts, selectedStatus, selectedTimeRange } = preferences;
  const savePreset = (name: string): void => {
    const preset: Preset = {
      name,
      selectedTags: selectedTags.slice(0, TAGS_RULE.maxItems),
      selectedContexts: selectedContexts.slice(0, CONTEXTS_RULE.maxItems),
      selectedStatus: selectedStatus.slice(0, STATUS_RULE.maxItems),
      selectedTimeRange,
    };
    save({ filterPresets: [...filterPresets.filter((other) => other.name !== name), preset] });
  };
  const applyPreset = ({ name: _name, ...filters }: Preset): void =>
    save({ selectedTags: [], selectedContexts: [], selectedStatus: [], selectedTimeRange: 'all', ...filters });
  const deletePreset = ({ name }: Preset): void =>
    save({ filterPresets: filterPresets.filter((other) => other.name !== name) });

  return (
    <Row name="filterPresets" value={filterPresets} htmlFor={id} isStacked hint="Save the filters above under a name.">
      <div className="presets">
        {filterPresets.length > 0 && (
          <ul>
            {filterPresets.map((preset) => (
              <PresetItem
                key={preset.name}
                preset={preset}
                onApply={() => applyPreset(preset)}
                onDelete={() => deletePreset(preset)}
              />
            ))}
          </ul>
        )}
        <PresetForm id={id} filterPresets={filterPresets} onSave={savePreset} />
      </div>
    </Row>
  );
}

interface PresetFormProps {
  /** The id of the name field. */
  readonly id: string;
  readonly filterPresets: readonly Preset[];
  readonly onSave: (name: string) => void;
}

/** A field for the name of a new preset. The name of an existing one replaces it. */
function PresetForm({ id, filterPresets, onSave }: PresetFormProps) {
  const [draftName, setDraftName] = useState('');
  const name = draftName.trim();
  const isFull = filterPresets.length >= MAX_PRESETS && !filterPresets.some((preset) => preset.name === name);
  const submit = (event: SyntheticEvent): void => {
    event.preventDefault();
    if (name === '' || isFull) return;
    onSave(name);
    setDraftName('');
  };
  return (
    <form className="with-button" onSubmit={submit}>
      <input
        id={id}
        value={draftName}
        maxLength={NAME_RULE.maxLength}
        placeholder="Filter name"
        onChange={({ target }) => setDraftName(target.value)}
        data-testid="preset-name"
      />
      <button type="submit" className="ghost" disabled={name === '' || isFull} data-testid="preset-save">
        Save filter
      </button>
    </form>
  );
}

interface PresetItemProps {
  readonly preset: Preset;
  readonly onApply: () => void;
  readonly onDelete: () => void;
}

function PresetItem({ preset, onApply, onDelete }: PresetItemProps) {
  const { name } = preset;
  return (
    <li data-testid="preset">
      <span>
        <strong>
          <bdi>{name}</bdi>
        </strong>{' '}
        <span className="row-hint">{describePreset(preset)}</span>
      </span>
      <span className="buttons">
        <button type="button" className="ghost" onClick={onApply} aria-label={`Apply ${name}`}>
          Apply
        </button>
        <button type="button" className="ghost" aria-label={`Delete ${name}`} onClick={onDelete}>
          Delete
        </button>
      </span>
    </li>
  );
}
