/**
 * The most common passwords that fit the rules, by the package @zxcvbn-ts/language-common (MIT): its list is sorted by how often each
 * password occurs in published leaks. OWASP ASVS 5.0, 6.2.4 requires 3,000 at least.
 */
const COUNT = 10_000;

/** Shorter ones are rejected anyway. */
const MIN_LENGTH = 8;

/** What to tell a person whose new password is a common one. */
export const COMMON_PASSWORD =
  'This password is among the most common ones, which are guessed first. Choose another one.';

let commonPasswords: Promise<ReadonlySet<string>> | undefined;

/**
 * Returns whether a password is one of the most common. Upper case makes no difference.
 *
 * @param password - The password.
 * @returns A promise, because the list is loaded at the first call: only servers and commands that create accounts need it.
 */
export async function isCommonPassword(password: string): Promise<boolean> {
  commonPasswords ??= loadCommonPasswords();
  return (await commonPasswords).has(password.toLowerCase());
}

async function loadCommonPasswords(): Promise<ReadonlySet<string>> {
  const { dictionary } = await import('@zxcvbn-ts/language-common');
  return new Set(dictionary['passwords-common'].filter(({ length }) => length >= MIN_LENGTH).slice(0, COUNT));
}
