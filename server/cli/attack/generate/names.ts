/** One of the two users of an attack. */
export interface UserNames {
  /** The id of the user's document. */
  readonly id: string;
  /** The id without its prefix. */
  readonly username: string;
}

/** The names that attacks are made of. */
export interface AttackNames {
  /** The path of the gate, such as `/sync`; empty at the root. */
  readonly base: string;
  /** The database that clients replicate with. */
  readonly database: string;
  /** The database of the sessions, which no client may reach. */
  readonly sessions: string;
  /** The user who attacks. */
  readonly own: UserNames;
  /** The user who is attacked. */
  readonly other: UserNames;
}

/** Returns the path of the database, without a slash at its end. */
export const databasePath = ({ base, database }: AttackNames): string => `${base}/${database}`;

/** Replaces the first character that matches by its percent-encoding, which has to decode to the same name. */
export const encodeFirst = (text: string, pattern: RegExp): string => text.replace(pattern, percentEncode);

export const percentEncode = (character: string): string =>
  `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;

/** Makes a text with characters beyond ASCII a request target: its UTF-8, one character a byte, as Node writes it. */
export const toRequestTarget = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');

/** Decodes escapes until none is left, because a response may echo a decoded name. */
export function decodeRepeatedly(text: string): string {
  const once = text.replace(/%([0-7][0-9a-f])/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return once === text ? once : decodeRepeatedly(once);
}
