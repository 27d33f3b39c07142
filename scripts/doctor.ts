/** `npm run doctor`: see server/doctor. */
import { doctorCommand } from '../server/doctor/command.ts';

process.exitCode = await doctorCommand({
  argv: process.argv.slice(2),
  env: process.env,
  print: console.log,
  complain: console.error,
});
