import pino from 'pino';
import { FeedWatch } from './feed-monitor.ts';

function watch(): { feed: FeedWatch; said: () => unknown[]; at: (ms: number) => void } {
  let time = 0;
  const lines: string[] = [];
  const log = pino({ level: 'info', base: null, timestamp: false }, { write: (text: string) => lines.push(text) });
  return {
    feed: new FeedWatch('registry', log, () => time),
    said: () => lines.splice(0).map((line) => JSON.parse(line) as unknown),
    at: (ms) => (time = ms),
  };
}

it('is silent for as long as nothing came, and a heartbeat is something', () => {
  const { feed, at } = watch();
  expect([feed.silence, feed.seq, feed.up]).toEqual([undefined, undefined, false]);
  feed.onUp();
  at(100);
  expect(feed.silence).toBe(100);
  feed.onHeard();
  at(130);
  expect(feed.silence).toBe(30);
  feed.onRow('42-xyz');
  expect([feed.silence, feed.seq, feed.up]).toEqual([0, 42, true]);
});

it('says that it is down once, however many attempts fail, and that it is up again', () => {
  const { feed, said } = watch();
  for (let attempt = 0; attempt < 5; attempt += 1) feed.onDown('connect ECONNREFUSED');
  expect(said()).toEqual([{ level: 40, feed: 'registry', reason: 'connect ECONNREFUSED', msg: 'The feed is down.' }]);
  feed.onUp();
  expect(said()).toEqual([{ level: 30, feed: 'registry', restarts: 5, msg: 'The feed is up.' }]);
  feed.onDown('no heartbeat');
  expect(said()).toHaveLength(1);
  expect([feed.up, feed.restarts]).toEqual([false, 6]);
});

it('quotes nothing of what it could not read, which is a piece of somebody’s document', () => {
  const { feed, said } = watch();
  feed.onDown(`unreadable feed: Unexpected token 'p', ..."theme":\n"purple" is not valid JSON`);
  expect(said()).toEqual([expect.objectContaining({ reason: 'unreadable feed' })]);
});
