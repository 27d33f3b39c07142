/** `npm run users`: see server/users. */
import { usersCommand } from '../server/users/command.ts';

process.exitCode = await usersCommand({
  argv: process.argv.slice(2),
  env: process.env,
  print: console.log,
  complain: console.error,
  terminal: { input: process.stdin, output: process.stderr },
});
