/** A program that starts a server and never closes it. It prints the server's process id. */
import { join } from 'node:path';
import { startChildServer } from '../child-server.ts';

const program = join(import.meta.dirname, 'child-program');
const { started } = await startChildServer<number>({ program, args: ['serves'], name: 'The server' });
console.log(started);
if (process.argv[2] === 'stays') setInterval(() => undefined, 60_000);
