import pino from 'pino';
import { FeedMonitor } from './feed-monitor.ts';

function createFixture(): { feed: FeedMonitor; readLog: () => unknown[]; setTime: (ms: number) => void } {
  let time = 0;
  const lines: string[] = [];
  const log = pino({ level: 'info', base: null, timestamp: false }, { write: (text: string) => lines.push(text) });
  return {
    feed: new FeedMonitor('registry', log, () => time),
    readLog: () => lines.splice(0).map((line) => JSON.parse(line) as unknown),
    setTime: (ms) => (time = ms),
  };
}

it('measures the time since the last byte, heartbeats included', () => {
  const { feed, setTime } = createFixture();
  expect([feed.silenceMs, feed.seq, feed.connected]).toEqual([undefined, undefined, false]);
  feed.onConnect();
  setTime(100);
  expect(feed.silenceMs).toBe(100);
  feed.onActivity();
  setTime(130);
  expect(feed.silenceMs).toBe(30);
  feed.onRow('42-xyz');
  expect([feed.silenceMs, feed.seq, feed.connected]).toEqual([0, 42, true]);
});

it('warns once however many attempts fail, and reports the reconnection', () => {
  const { feed, readLog } = createFixture();
  for (let attempt = 0; attempt < 5; attempt += 1) feed.onDisconnect('connect ECONNREFUSED');
  expect(readLog()).toEqual([
    { level: 40, feed: 'registry', reason: 'connect ECONNREFUSED', msg: 'The feed is down.' },
  ]);
  feed.onConnect();
  expect(readLog()).toEqual([{ level: 30, feed: 'registry', restarts: 5, msg: 'The feed is up.' }]);
  feed.onDisconnect('no heartbeat');
  expect(readLog()).toHaveLength(1);
  expect([feed.connected, feed.restarts]).toEqual([false, 6]);
});

it('logs nothing of an unreadable row, which is part of a user’s document', () => {
  const { feed, readLog } = createFixture();
  feed.onDisconnect(`unreadable feed: Unexpected token 'p', ..."theme":\n"purple" is not valid JSON`);
  expect(readLog()).toEqual([expect.objectContaining({ reason: 'unreadable feed' })]);
});
