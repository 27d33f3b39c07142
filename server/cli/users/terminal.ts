import { createInterface } from 'node:readline';
import { Writable, type Readable } from 'node:stream';
import { CommandError, UsageError } from '../command-error.ts';

/** Where a person is prompted. */
export interface Terminal {
  readonly input: Readable & { readonly isTTY?: boolean };
  /** Not standard output, which is for the result only. */
  readonly output: Writable;
}

/** In characters; more than any password has. */
const MAX_INPUT_LENGTH = 4_096;

/** Reads a password from standard input. A line break at its end is not part of it. */
export async function readPasswordFromInput(input: Readable): Promise<string> {
  let text = '';
  for await (const chunk of input.setEncoding('utf8') as AsyncIterable<string>) {
    text += chunk;
    if (text.length > MAX_INPUT_LENGTH) break;
  }
  const password = text.replace(/\r?\n$/, '');
  if (password === '') throw new CommandError('Standard input has no password. Nothing was changed.');
  if (/[\r\n]/.test(password)) {
    throw new CommandError('Standard input has more than one line. Provide only the password. Nothing was changed.');
  }
  return password;
}

/** Prompts for a new password twice, without echo. Rejects if the two differ, or if the input ends. */
export async function promptNewPassword(terminal: Terminal, username: string): Promise<string> {
  requireTty(terminal, 'provide the password on standard input, with --password-stdin');
  const [first, second] = await promptLines(terminal, [`New password of ${username}: `, 'Repeat it: '], 'hidden');
  if (first !== second) throw new CommandError('The passwords differ. Nothing was changed. Run this again.');
  return first ?? '';
}

/** Rejects unless the person types the name. */
export async function confirmErase(terminal: Terminal, username: string): Promise<void> {
  requireTty(terminal, 'add --yes to confirm');
  const [typed] = await promptLines(terminal, [`Type ${username} to erase this user permanently: `], 'shown');
  if (typed !== username) throw new CommandError('Nothing was changed.');
}

function requireTty({ input }: Terminal, instead: string): void {
  if (input.isTTY !== true) throw new UsageError(`There is no terminal to prompt on; ${instead}.`);
}

/** Reads a line for each prompt. One interface reads all of them, or input typed ahead would be lost with the first. */
function promptLines(
  { input, output }: Terminal,
  prompts: readonly string[],
  mode: 'hidden' | 'shown',
): Promise<string[]> {
  // Discards readline's echo in hidden mode.
  const echo = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      if (mode === 'shown') output.write(chunk);
      done();
    },
  });
  const lines = createInterface({ input, output: echo, terminal: true, historySize: 0 });
  const answers: string[] = [];
  output.write(prompts[0] ?? '');
  return new Promise((resolve, reject) => {
    lines.on('line', (line) => {
      answers.push(line);
      if (mode === 'hidden') output.write('\n');
      if (answers.length < prompts.length) output.write(prompts[answers.length] ?? '');
      else lines.close();
    });
    lines.on('SIGINT', () => lines.close());
    lines.on('close', () => {
      if (answers.length === prompts.length) resolve(answers);
      else {
        output.write('\n');
        reject(new CommandError('Nothing was changed.'));
      }
    });
  });
}
