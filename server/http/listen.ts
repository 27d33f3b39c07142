import type { Server } from 'node:http';

/** Where to listen, and which variables say so. Port 0 lets the system choose. */
export interface ListenOptions {
  readonly host: string;
  readonly port: number;
  readonly variables: { readonly host: string; readonly port: string };
}

/**
 * How many connections may wait to be accepted: as many as the system lets (on Linux `net.core.somaxconn`). With Node's 511
 * a few thousand clients that come back at once overflow it, and the system then lets each try again after seconds.
 */
const BACKLOG = 65_535;

/** Resolves with the server's URL, without a slash at the end; rejects with a sentence that names what to change. */
export function listen(server: Server, options: ListenOptions): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(new Error(describeListenError(error, options), { cause: error })),
    );
    server.listen({ port: options.port, host: options.host, backlog: BACKLOG }, () => {
      const address = server.address();
      if (typeof address !== 'object' || address === null) {
        reject(new Error('The server listens on no port.'));
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
      return `Port ${port} of ${host} is taken: stop what listens there, or set ${variables.port} to another one (0: any free one).`;
    case 'EACCES':
      return `Port ${port} needs rights that this user has not: set ${variables.port} to one from 1024 on.`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `${variables.host} is ${host}, which is no address of this machine: set it to one, such as 127.0.0.1 or 0.0.0.0.`;
    default:
      return `The server cannot listen on ${host}, port ${port} (${message}).`;
  }
}
