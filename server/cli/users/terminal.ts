import { createInterface } from 'node:readline';
import { Writable, type Readable } from 'node:stream';
import { CommandError, UsageError } from './command-error.ts';

/** Where a person is asked. */
export interface Terminal {
  readonly input: Readable & { readonly isTTY?: boolean };
  /** Not the standard output, which is for the answer alone. */
  readonly output: Writable;
}

/** Longer than any password, in characters. */
const MAX_INPUT_LENGTH = 4_096;

/** The password that comes on the standard input; a line's end after it is not part of it. */
export async function readPasswordFromInput(input: Readable): Promise<string> {
  let text = '';
  for await (const chunk of input.setEncoding('utf8') as AsyncIterable<string>) {
    text += chunk;
    if (text.length > MAX_INPUT_LENGTH) break;
  }
  const password = text.replace(/\r?\n$/, '');
  if (password === '') throw new CommandError('The standard input held no password. Nothing was changed.');
  if (/[\r\n]/.test(password)) {
    throw new CommandError('The standard input held more than one line; give the password alone. Nothing was changed.');
  }
  return password;
}

/** Asks for a new password twice, without showing it. Rejects when the two differ, or nobody answers. */
export async function promptNewPassword(terminal: Terminal, username: string): Promise<string> {
  requireTty(terminal, 'give the password on the standard input, with --password-stdin');
  const [first, second] = await promptLines(terminal, [`New password of ${username}: `, 'Once more: '], 'hidden');
  if (first !== second) throw new CommandError('The two differ. Nothing was changed; run this again.');
  return first ?? '';
}

/** Rejects unless the person types the name. */
export async function confirmErase(terminal: Terminal, username: string): Promise<void> {
  requireTty(terminal, 'add --yes if you mean it');
  const [typed] = await promptLines(terminal, [`Type ${username} to erase this user for good: `], 'shown');
  if (typed !== username) throw new CommandError('Nothing was changed.');
}

function requireTty({ input }: Terminal, instead: string): void {
  if (input.isTTY !== true) throw new UsageError(`There is no terminal to ask at; ${instead}.`);
}

/** The answers, a line each. One interface for all, or what was typed ahead would be lost with the first. */
function promptLines(
  { input, output }: Terminal,
  questions: readonly string[],
  mode: 'hidden' | 'shown',
): Promise<string[]> {
  // What readline would echo goes nowhere.
  const echo = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      if (mode === 'shown') output.write(chunk);
      done();
    },
  });
  const lines = createInterface({ input, output: echo, terminal: true, historySize: 0 });
  const answers: string[] = [];
  output.write(questions[0] ?? '');
  return new Promise((resolve, reject) => {
    lines.on('line', (line) => {
      answers.push(line);
      if (mode === 'hidden') output.write('\n');
      if (answers.length < questions.length) output.write(questions[answers.length] ?? '');
      else lines.close();
    });
    lines.on('SIGINT', () => lines.close());
    lines.on('close', () => {
      if (answers.length === questions.length) resolve(answers);
      else {
        output.write('\n');
        reject(new CommandError('Nothing was changed.'));
      }
    });
  });
}
