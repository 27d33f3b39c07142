#!/usr/bin/env node
/** `pouchgate <command>`: the operator's commands. Each is loaded when it is used, because loading all takes longer than most. */
import type { CommandOptions } from '../server/cli/types.ts';
import { printableText } from '../server/lib/printable-text.ts';

const HELP = `pouchgate setup     sets up a CouchDB 3
pouchgate doctor    checks a deployment, and reports what is wrong
pouchgate users     adds, shows, suspends, repairs, exports and erases users
pouchgate import    imports the users of an older application
pouchgate start     starts the server

setup, doctor, users and import take --help. start takes only environment variables.`;

const [command, ...argv] = process.argv.slice(2);
// Names, devices and values of users may contain characters that control a terminal, and so may errors that quote them.
const options: CommandOptions = {
  argv,
  env: process.env,
  print: (line) => console.log(printableText(line)),
  printError: (line) => console.error(printableText(line)),
};

// `pouchgate users list | head` closes the pipe. The command completes without the rest of its output.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

switch (command) {
  case 'setup':
    process.exitCode = await (await import('../server/cli/setup/command.ts')).setupCommand(options);
    break;
  case 'doctor':
    process.exitCode = await (await import('../server/cli/doctor/command.ts')).doctorCommand(options);
    break;
  case 'users': {
    const { usersCommand } = await import('../server/cli/users/command.ts');
    process.exitCode = await usersCommand({ ...options, terminal: { input: process.stdin, output: process.stderr } });
    break;
  }
  case 'import': {
    const { importCommand } = await import('../server/cli/import/command.ts');
    process.exitCode = await importCommand({ ...options, input: process.stdin });
    break;
  }
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
    options.printError(`Unknown command ${JSON.stringify(command)}.\n\n${HELP}`);
    process.exitCode = 1;
}
