import type { PreferenceValues } from '../store-types.ts';
import { Choice } from '../controls/choice.tsx';
import { THEMES, TIME_RANGES, VIEWS } from '../controls/options.ts';
import { Presets } from '../controls/presets.tsx';
import { Switch } from '../controls/switch.tsx';
import { Time } from '../controls/time.tsx';
import { TimeZone } from '../controls/time-zone.tsx';
import { TagInput } from '../controls/tag-input.tsx';
import { COLUMNS, STATUSES } from '../preview/sample-tasks.ts';
import { Section } from './section.tsx';

/** The id and label of each section, for the navigation beside them. */
export const GROUPS = [
  ['appearance', 'Appearance'],
  ['briefing', 'Briefing'],
  ['list-view', 'List view'],
  ['filters', 'Filters'],
] as const;

/** The controls of all preferences, in sections. */
export function PreferenceSections({ preferences }: { readonly preferences: PreferenceValues }) {
  return (
    <>
      <Section id="appearance" title="Appearance" lead="How things look on all your devices.">
        <Choice name="theme" value={preferences.theme} hint="System follows your device." options={THEMES} />
        <Choice name="viewMode" value={preferences.viewMode} hint="The view that lists open in." options={VIEWS} />
        <Switch
          name="activitySidebarOpen"
          value={preferences.activitySidebarOpen}
          hint="Show recent activity beside your work."
        />
      </Section>

      <Section id="briefing" title="Briefing" lead="A short summary in the morning and in the evening.">
        <Switch name="dailyBriefing" value={preferences.dailyBriefing} hint="What is coming up today." />
        <Time name="briefingTime" value={preferences.briefingTime} isDisabled={!preferences.dailyBriefing} />
        <Switch name="dailyRecap" value={preferences.dailyRecap} hint="What got done today." />
        <Time name="recapTime" value={preferences.recapTime} isDisabled={!preferences.dailyRecap} />
        <TimeZone value={preferences.timezone} />
      </Section>

      <Section id="list-view" title="List view" lead="Which columns a table shows and how far it looks ahead.">
        <TagInput
          name="tableColumns"
          value={preferences.tableColumns}
          hint="Shown in this order. Leave empty to show all columns."
          placeholder="Add a column"
          suggestions={COLUMNS}
          isOrdered
        />
        <Choice name="selectedTimeRange" value={preferences.selectedTimeRange} options={TIME_RANGES} />
      </Section>

      <Section id="filters" title="Filters and presets" lead="Which tasks are shown.">
        <TagInput name="selectedTags" value={preferences.selectedTags} placeholder="Add a tag" />
        <TagInput name="selectedContexts" value={preferences.selectedContexts} placeholder="Add a context" />
        <TagInput
          name="selectedStatus"
          value={preferences.selectedStatus}
          placeholder="Add a status"
          suggestions={STATUSES}
        />
        <Presets preferences={preferences} />
      </Section>
    </>
  );
}
