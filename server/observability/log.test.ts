import { createLog } from './log.ts';

test('no text that a user wrote controls the terminal of a person who reads the log', () => {
  const lines: string[] = [];
  const log = createLog('info', { write: (line: string) => void lines.push(line) });
  const text = 'a\u009b31m\u202e\u2066\u001b[2J\r\n\ud800 ä';
  log.info({ text, err: new Error(text) }, text);
  const [line = ''] = lines;
  expect(line).not.toMatch(/[^\P{C}\n]/u);
  expect(line.trimEnd()).not.toContain('\n');
  expect(JSON.parse(line)).toMatchObject({ text, msg: text, err: { message: text } });
});
