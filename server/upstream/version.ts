/**
 * Returns whether a version of CouchDB, such as `3.4.3`, is at least `major.minor`. It is not for a text that is no version.
 *
 * @example isAtLeast('3.10.0', 3, 4) // true
 */
export function isAtLeast(version: string, major: number, minor: number): boolean {
  const [, actualMajor = '0', actualMinor = '0'] = /^(\d+)\.(\d+)/.exec(version) ?? [];
  return Number(actualMajor) > major || (Number(actualMajor) === major && Number(actualMinor) >= minor);
}
