import { Socket } from 'node:net';
import { ConnectionShares } from './connection-shares.ts';

/** Shares of a server for 160 connections: an address has at least 10, and any number of the first 120. */
function createFixture() {
  let [open, destroyed] = [0, 0];
  const addresses = new WeakMap<Socket, string | undefined>();
  const shares = new ConnectionShares({
    limit: 160,
    openConnections: () => open,
    addressOf: (socket) => addresses.get(socket),
    onDestroyed: () => (destroyed += 1),
  });
  return {
    destroyed: () => destroyed,
    /** Opens a connection, unless it is destroyed. */
    connect: (address: string | undefined): Socket | undefined => {
      const socket = new Socket();
      addresses.set(socket, address);
      open += 1;
      socket.once('close', () => (open -= 1));
      return shares.onConnection(socket) ? socket : undefined;
    },
  };
}

const times = <T>(count: number, act: () => T): T[] => Array.from({ length: count }, act);
const isOpen = (socket: Socket | undefined): boolean => socket?.destroyed === false;
const closed = (socket: Socket | undefined): Promise<unknown> =>
  new Promise((resolve) => {
    socket?.once('close', resolve);
    socket?.destroy();
  });

it('an address may have any number of connections until they are scarce, and then no more', () => {
  const { destroyed, connect } = createFixture();
  expect(times(200, () => connect('a')).filter(isOpen)).toHaveLength(120);
  // Every other address still gets its share.
  expect(times(20, () => connect('b')).filter(isOpen)).toHaveLength(10);
  expect(times(20, () => connect('c')).filter(isOpen)).toHaveLength(10);
  expect(destroyed()).toBe(80 + 10 + 10);
});

it('a closed connection no longer counts', async () => {
  const { connect } = createFixture();
  const first = times(120, () => connect('a'));
  expect(connect('a')).toBeUndefined();
  await Promise.all(first.slice(0, 5).map(closed));
  expect(times(10, () => connect('a')).filter(isOpen)).toHaveLength(5);
});

it('the connections of a trusted proxy are not limited', () => {
  const { destroyed, connect } = createFixture();
  expect(times(160, () => connect(undefined)).filter(isOpen)).toHaveLength(160);
  expect(destroyed()).toBe(0);
});
