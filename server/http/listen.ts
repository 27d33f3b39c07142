import type { Server } from 'node:http';

/** Where to listen, and the environment variables that configure it. Port 0 lets the system choose a free port. */
export interface ListenOptions {
  readonly host: string;
  readonly port: number;
  readonly variables: { readonly host: string; readonly port: string };
}

/**
 * The maximum length of the queue of pending connections. The system lowers it to its own limit (`net.core.somaxconn` on
 * Linux). Node's default of 511 overflows when a few thousand clients reconnect at once, and each then retries only after seconds.
 */
const BACKLOG = 65_535;

/**
 * Makes the server listen.
 *
 * @returns the server's URL, without a trailing slash.
 * @throws Error when the server cannot listen; its message names the variable to change.
 */
export function listen(server: Server, options: ListenOptions): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(new Error(describeListenError(error, options), { cause: error })),
    );
    server.listen({ port: options.port, host: options.host, backlog: BACKLOG }, () => {
      const address = server.address();
      if (typeof address !== 'object' || address === null) {
        reject(new Error('The server is not listening on a TCP port.'));
        return;
      }
      const name = address.family === 'IPv6' ? `[${address.address}]` : address.address;
      resolve(`http://${name}:${address.port}`);
    });
  });
}

function describeListenError(
  { code, message }: NodeJS.ErrnoException,
  { host, port, variables }: ListenOptions,
): string {
  switch (code) {
    case 'EADDRINUSE':
      return `Port ${port} of ${host} is in use. Stop the process that listens there, or set ${variables.port} to another port (0: any free port).`;
    case 'EACCES':
      return `Port ${port} requires privileges that this user does not have. Set ${variables.port} to 1024 or higher.`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `${variables.host} is ${host}, which is not an address of this machine. Set it to one that is, such as 127.0.0.1 or 0.0.0.0.`;
    default:
      return `The server cannot listen on ${host}, port ${port} (${message}).`;
  }
}
