import type { PreferencesPatch } from '../../../couchdb-design/user-document/preference-rules.ts';
import { SETTING_NAMES, settingOf, type SettingName } from './settings.ts';

/**
 * The data of a pressed button: `<tag of the link>:<setting>:<value>`. Telegram returns the data of the message, but a
 * modified client can send any text, so it is validated. It contains the value instead of a change, so a second press has no
 * further effect. The tag belongs to one link, so buttons from before a new link have no effect.
 */
export interface ButtonPress {
  readonly tag: string;
  readonly setting: SettingName;
  readonly patch: PreferencesPatch;
}

export const buttonData = (tag: string, setting: SettingName, value: string): string => `${tag}:${setting}:${value}`;

/** Returns the values for which a setting has buttons. */
export function buttonValuesOf(settingName: SettingName): readonly string[] {
  const setting = settingOf(settingName);
  return setting.kind === 'choice' ? setting.values : ['on', 'off'];
}

/** Parses the data of a button. Returns `undefined` for anything that no button of this bot contains. */
export function parseButtonPress(data: string): ButtonPress | undefined {
  const [tag = '', name, value = '', ...rest] = data.split(':');
  const settingName = SETTING_NAMES.find((each) => each === name);
  if (settingName === undefined || rest.length > 0 || !/^[A-Za-z0-9_-]{8}$/.test(tag)) return undefined;
  if (!buttonValuesOf(settingName).includes(value)) return undefined;
  const { kind, key } = settingOf(settingName);
  return { tag, setting: settingName, patch: { [key]: kind === 'choice' ? value : value === 'on' } };
}
