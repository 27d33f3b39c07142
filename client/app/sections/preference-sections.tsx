import type { ShownPreferences } from '../../index.ts';
import { Choice } from '../controls/choice.tsx';
import { Presets } from '../controls/presets.tsx';
import { Switch } from '../controls/switch.tsx';
import { Time } from '../controls/time.tsx';
import { TimeZone } from '../controls/time-zone.tsx';
import { Words } from '../controls/words.tsx';
import { Section } from './section.tsx';

/** All preferences, in groups. */
export function PreferenceSections({ preferences }: { readonly preferences: ShownPreferences }) {
  return (
    <>
      <Section id="appearance" title="Appearance" lead="How things look, on every device at once.">
        <Choice
          name="theme"
          value={preferences.theme}
          hint="System follows the device that you are on."
          options={[
            { value: 'light', label: 'Light' },
            { value: 'dark', label: 'Dark' },
            { value: 'system', label: 'System' },
          ]}
        />
        <Switch
          name="activitySidebarOpen"
          value={preferences.activitySidebarOpen}
          hint="Show what has happened beside your work."
        />
      </Section>

      <Section id="views" title="Views" lead="What you see first.">
        <Choice
          name="viewMode"
          value={preferences.viewMode}
          options={[
            { value: 'kanban', label: 'Kanban' },
            { value: 'table', label: 'Table' },
            { value: 'graph', label: 'Graph' },
          ]}
        />
        <Words
          name="tableColumns"
          value={preferences.tableColumns}
          hint="In this order. None shows them all."
          placeholder="Add a column"
        />
      </Section>

      <Section id="daily" title="Daily messages" lead="A short word in the morning and in the evening.">
        <Switch name="dailyBriefing" value={preferences.dailyBriefing} hint="What is ahead today." />
        <Time name="briefingTime" value={preferences.briefingTime} isDisabled={!preferences.dailyBriefing} />
        <Switch name="dailyRecap" value={preferences.dailyRecap} hint="What was done today." />
        <Time name="recapTime" value={preferences.recapTime} isDisabled={!preferences.dailyRecap} />
        <TimeZone value={preferences.timezone} />
      </Section>

      <Section id="filters" title="Filters" lead="What is shown, and what is left out.">
        <Choice
          name="selectedTimeRange"
          value={preferences.selectedTimeRange}
          options={[
            { value: 'all', label: 'All' },
            { value: 'today', label: 'Today' },
            { value: 'week', label: 'Week' },
            { value: 'month', label: 'Month' },
            { value: 'quarter', label: 'Quarter' },
            { value: 'year', label: 'Year' },
          ]}
        />
        <Words name="selectedTags" value={preferences.selectedTags} placeholder="Add a tag" />
        <Words name="selectedContexts" value={preferences.selectedContexts} placeholder="Add a context" />
        <Words name="selectedStatus" value={preferences.selectedStatus} placeholder="Add a status" />
        <Presets preferences={preferences} />
      </Section>
    </>
  );
}
