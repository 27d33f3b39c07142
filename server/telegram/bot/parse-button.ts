import type { PreferencesPatch } from '../../../couchdb-design/user-document/preference-rules.ts';
import { SETTING_NAMES, settingOf, type SettingName } from './settings.ts';

/**
 * What a button says when it is pressed: `<tag of the link>:<setting>:<value>`. Telegram hands back what it was given, but
 * a client can be made to send anything, so it is read like any input. It names the value and not a change of it: pressed
 * twice it does the same. The tag is the link's own, so that a message from before does nothing to whoever came after.
 */
export interface Press {
  readonly tag: string;
  readonly about: SettingName;
  readonly patch: PreferencesPatch;
}

export const buttonData = (tag: string, about: SettingName, value: string): string => `${tag}:${about}:${value}`;

/** The values that buttons of a setting have. */
export function valuesOf(about: SettingName): readonly string[] {
  const setting = settingOf(about);
  return setting.kind === 'choice' ? setting.values : ['on', 'off'];
}

/** Undefined for what no button of ours says. */
export function parsePress(data: string): Press | undefined {
  const [tag = '', name, value = '', ...more] = data.split(':');
  const about = SETTING_NAMES.find((each) => each === name);
  if (about === undefined || more.length > 0 || !/^[A-Za-z0-9_-]{8}$/.test(tag)) return undefined;
  if (!valuesOf(about).includes(value)) return undefined;
  const { kind, key } = settingOf(about);
  return { tag, about, patch: { [key]: kind === 'choice' ? value : value === 'on' } };
}
