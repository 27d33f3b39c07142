import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type jwt from 'jsonwebtoken';

const PROVIDERS = join(import.meta.dirname, '../../../../docs/providers');

/** What a page of docs/providers shows. */
export interface ProviderRecipe {
  /** The server's environment. */
  readonly settings: Readonly<Record<string, string>>;
  readonly header: jwt.JwtHeader;
  readonly payload: Readonly<Record<string, unknown>>;
}

/** Reads the settings, and the header and payload of a token: the blocks of the page in `sh` and `json`. */
export async function readProviderRecipe(name: string): Promise<ProviderRecipe> {
  const page = await readFile(join(PROVIDERS, `${name}.md`), 'utf8');
  const blocks = [...page.matchAll(/^```(\w+)\n(.*?)^```$/gms)].map(([, language, text = '']) => ({ language, text }));
  const [settings] = blocks.filter(({ language }) => language === 'sh');
  const [header, payload] = blocks.filter(({ language }) => language === 'json');
  if (settings === undefined || header === undefined || payload === undefined) {
    throw new Error(`${name}.md lacks the settings, the header or the payload.`);
  }
  return {
    settings: Object.fromEntries(
      settings.text
        .trim()
        .split('\n')
        .map((line) => line.split(/=(.*)/s).slice(0, 2)),
    ) as Record<string, string>,
    header: JSON.parse(header.text) as jwt.JwtHeader,
    payload: JSON.parse(payload.text) as Record<string, unknown>,
  };
}

/** Returns the payload at the current time: each time in it is moved by the same number of seconds. */
export function issueNow(payload: ProviderRecipe['payload']): Record<string, unknown> {
  const delay = Math.floor(Date.now() / 1000) - Number(payload['iat']);
  const times = ['iat', 'exp', 'nbf', 'auth_time'].filter((name) => name in payload);
  return { ...payload, ...Object.fromEntries(times.map((name) => [name, Number(payload[name]) + delay])) };
}
