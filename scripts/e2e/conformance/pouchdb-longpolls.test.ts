import { scaleMs } from '../../../couchdb-design/testing/patience.ts';
import { dropConnection } from '../../../server/testing/faulty-database-proxy.ts';
import { eventually } from '../../../server/testing/fake-couchdb.ts';
import { readPreference, SHORT_BACKOFF } from '../../../server/testing/pouchdb-peer.ts';
import {
  setUpPouchdbFixture,
  eventsNamed,
  countRequests,
  isContinuousFeed,
  measureTime,
} from './testing/pouchdb-fixture.ts';

/** How PouchDB handles the end of a longpoll: the gate never causes a request loop or a missed change. */

const fixture = setUpPouchdbFixture();
const { newUser, openPeer, openLivePeer, editRemotely } = fixture;

describe('a longpoll that ends immediately and empty: PouchDB loops without a delay', () => {
  it('an empty longpoll lasts at least a second, whatever its query', async () => {
    const { gate } = fixture.proxied;
    const info = (await (await gate.request('held', '/')).json()) as { update_seq: string };
    const queries = ['timeout=0', 'timeout=1', 'timeout=999', 'timeout=-1&heartbeat=1', 'heartbeat=0&timeout=1'];
    const moreQueries = [
      'heartbeat=false&timeout=1',
      'limit=0&timeout=1',
      'limit=1&timeout=10',
      'TIMEOUT=1',
      'timeout=1&timeout=0',
    ];
    await Promise.all(
      [...queries, ...moreQueries].map(async (query) => {
        const path = `/_changes?feed=longpoll&since=${info.update_seq}&${query}`;
        const signal = AbortSignal.timeout(1_600);
        const held = measureTime(
          fetch(`${gate.database}${path}`, { headers: { authorization: `Bearer ${gate.token('held')}` }, signal }).then(
            (response) => response.text(),
          ),
        );
        const { value, ms } = await held.catch(() => ({ value: 'still held', ms: Infinity }));
        expect(ms).toBeGreaterThanOrEqual(1_000);
        if (value !== 'still held') expect(JSON.parse(value)).toMatchObject({ results: [], last_seq: info.update_seq });
      }),
    );
  });

  it('a longpoll whose token is about to expire is still held for a second before it ends empty', async () => {
    const { gate } = fixture.proxied;
    const info = (await (await gate.request('moment', '/')).json()) as { update_seq: string };
    const exp = Math.ceil((Date.now() + scaleMs(200)) / 1000);
    const { value, ms } = await measureTime(
      gate.request('moment', `/_changes?feed=longpoll&heartbeat=10000&since=${info.update_seq}`, {
        headers: { authorization: `Bearer ${gate.token('moment', { exp })}` },
      }),
    );
    const body = await measureTime(value.text());
    expect(value.status).toBe(200);
    expect(ms + body.ms).toBeGreaterThanOrEqual(1_000);
    expect(JSON.parse(body.value)).toEqual({ results: [], last_seq: info.update_seq, pending: 0 });
  });

  it('limits the rate of a client that always requests since=0', async () => {
    const end = performance.now() + 2_500;
    let responseCount = 0;
    while (performance.now() < end) {
      const response = await fixture.proxied.gate.request('forgetful', '/_changes?feed=longpoll&since=0');
      expect(await response.json()).toMatchObject({ results: [{ id: 'user_forgetful' }] });
      responseCount += 1;
    }
    // At most 20 immediate responses a second, plus the held one; with the last hold the loop spans four seconds.
    expect(responseCount).toBeLessThanOrEqual(4 * 21);
  });
});

describe('a longpoll that is held and ends empty: PouchDB reconnects', () => {
  it('reconnects about once a second without an event, and receives the next change', async () => {
    const username = newUser();
    const peer = openPeer(username);
    void peer.sync({ ...SHORT_BACKOFF, heartbeat: false, timeout: 1_000 });
    await eventually(() => countRequests(peer, 'feed=longpoll') >= 3);
    await editRemotely(username, { theme: 'dark' });
    await eventually(async () => (await readPreference(peer.local, `user_${username}`, 'theme')) === 'dark');
    expect(eventsNamed(peer, 'error')).toEqual([]);
    expect(peer.responses.every(({ status }) => status < 400 || status === 404)).toBe(true);
    expect(peer.requests.length).toBeLessThan(40);
  });
});

describe('an interrupted longpoll: PouchDB waits, then repeats the whole handshake', () => {
  it('repeated interruptions of the upstream feed interrupt no longpoll and lose no change', async () => {
    const username = newUser();
    const peer = await openLivePeer(username);
    const { hub } = fixture.proxied.gate.pouchgate;
    await eventually(() => countRequests(peer, 'feed=longpoll') === hub.size);
    const before = countRequests(peer, '_changes');
    for (let round = 0; round < 3; round += 1) {
      fixture.proxied.proxy.dropConnections();
      await eventually(() => !hub.connected);
      await eventually(() => hub.connected);
    }
    expect(countRequests(peer, '_changes')).toBe(before);
    fixture.proxied.proxy.fault = dropConnection(isContinuousFeed);
    fixture.proxied.proxy.dropConnections();
    await eventually(() => !hub.connected);
    await editRemotely(username, { theme: 'dark' });
    fixture.proxied.proxy.fault = undefined;
    await eventually(async () => (await readPreference(peer.local, `user_${username}`, 'theme')) === 'dark');
    expect(eventsNamed(peer, 'error')).toEqual([]);
  });
});
