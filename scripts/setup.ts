/** `npm run setup`: see server/set-up. */
import { setUpCommand } from '../server/set-up/command.ts';

process.exitCode = await setUpCommand({
  argv: process.argv.slice(2),
  env: process.env,
  print: console.log,
  complain: console.error,
});
