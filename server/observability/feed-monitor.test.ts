import pino from 'pino';
import { FeedMonitor } from './feed-monitor.ts';

function createFixture(): { feed: FeedMonitor; said: () => unknown[]; at: (ms: number) => void } {
  let time = 0;
  const lines: string[] = [];
  const log = pino({ level: 'info', base: null, timestamp: false }, { write: (text: string) => lines.push(text) });
  return {
    feed: new FeedMonitor('registry', log, () => time),
    said: () => lines.splice(0).map((line) => JSON.parse(line) as unknown),
    at: (ms) => (time = ms),
  };
}

it('is silent for as long as nothing came, and a heartbeat is something', () => {
  const { feed, at } = createFixture();
  expect([feed.silenceMs, feed.seq, feed.connected]).toEqual([undefined, undefined, false]);
  feed.onConnect();
  at(100);
  expect(feed.silenceMs).toBe(100);
  feed.onActivity();
  at(130);
  expect(feed.silenceMs).toBe(30);
  feed.onRow('42-xyz');
  expect([feed.silenceMs, feed.seq, feed.connected]).toEqual([0, 42, true]);
});

it('says that it is down once, however many attempts fail, and that it is up again', () => {
  const { feed, said } = createFixture();
  for (let attempt = 0; attempt < 5; attempt += 1) feed.onDisconnect('connect ECONNREFUSED');
  expect(said()).toEqual([{ level: 40, feed: 'registry', reason: 'connect ECONNREFUSED', msg: 'The feed is down.' }]);
  feed.onConnect();
  expect(said()).toEqual([{ level: 30, feed: 'registry', restarts: 5, msg: 'The feed is up.' }]);
  feed.onDisconnect('no heartbeat');
  expect(said()).toHaveLength(1);
  expect([feed.connected, feed.restarts]).toEqual([false, 6]);
});

it('quotes nothing of what it could not read, which is a piece of somebody’s document', () => {
  const { feed, said } = createFixture();
  feed.onDisconnect(`unreadable feed: Unexpected token 'p', ..."theme":\n"purple" is not valid JSON`);
  expect(said()).toEqual([expect.objectContaining({ reason: 'unreadable feed' })]);
});
