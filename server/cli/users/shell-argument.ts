import { escapeSubject } from '../../../couchdb-design/user-document/user-document.ts';

/** Returns a user's name as the last argument of a command in a POSIX shell, for a sentence that suggests the command. */
export function shellArgument(subject: string): string {
  const text = escapeSubject(subject);
  const quoted = /^[A-Za-z0-9_.@+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
  return text.startsWith('-') ? `-- ${quoted}` : quoted;
}
