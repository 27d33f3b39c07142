import type { PreferencesPatch } from '../../../couchdb-design/user-document/preference-rules.ts';
import { SETTING_NAMES, settingOf, type SettingName } from './settings.ts';

/**
 * What a button says when it is pressed: `<tag of the link>:<setting>:<value>`. Telegram hands back what it was given, but
 * a client can be made to send anything, so it is read like any input. It names the value and not a change of it: pressed
 * twice it does the same. The tag is the link's own, so that a message from before does nothing to whoever came after.
 */
export interface ButtonPress {
  readonly tag: string;
  readonly setting: SettingName;
  readonly patch: PreferencesPatch;
}

export const buttonData = (tag: string, setting: SettingName, value: string): string => `${tag}:${setting}:${value}`;

/** The values that buttons of a setting have. */
export function buttonValuesOf(settingName: SettingName): readonly string[] {
  const setting = settingOf(settingName);
  return setting.kind === 'choice' ? setting.values : ['on', 'off'];
}

/** Undefined for what no button of ours says. */
export function parseButtonPress(data: string): ButtonPress | undefined {
  const [tag = '', name, value = '', ...more] = data.split(':');
  const settingName = SETTING_NAMES.find((each) => each === name);
  if (settingName === undefined || more.length > 0 || !/^[A-Za-z0-9_-]{8}$/.test(tag)) return undefined;
  if (!buttonValuesOf(settingName).includes(value)) return undefined;
  const { kind, key } = settingOf(settingName);
  return { tag, setting: settingName, patch: { [key]: kind === 'choice' ? value : value === 'on' } };
}
