#!/usr/bin/env node
/** `pouchgate <command>`: the operator's commands. */
import { doctorCommand } from '../server/cli/doctor/command.ts';
import { setupCommand } from '../server/cli/setup/command.ts';
import type { CommandOptions } from '../server/cli/types.ts';
import { usersCommand } from '../server/cli/users/command.ts';

const HELP = `pouchgate setup     sets up a CouchDB 3
pouchgate doctor    checks a deployment, and reports what is wrong
pouchgate users     adds, shows, suspends, exports and erases users
pouchgate start     starts the server

setup, doctor and users take --help. start takes only environment variables.`;

const [command, ...argv] = process.argv.slice(2);
const options: CommandOptions = { argv, env: process.env, print: console.log, printError: console.error };

// `pouchgate users list | head` closes the pipe. The command completes without the rest of its output.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

switch (command) {
  case 'setup':
    process.exitCode = await setupCommand(options);
    break;
  case 'doctor':
    process.exitCode = await doctorCommand(options);
    break;
  case 'users':
    process.exitCode = await usersCommand({ ...options, terminal: { input: process.stdin, output: process.stderr } });
    break;
  case 'start':
    await import('../server/main.ts');
    break;
  case undefined:
  case 'help':
  case '--help':
  case '-h':
    console.log(HELP);
    break;
  default:
    console.error(`Unknown command ${JSON.stringify(command)}.\n\n${HELP}`);
    process.exitCode = 1;
}
