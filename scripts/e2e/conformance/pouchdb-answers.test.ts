import { scaleMs } from '../../../couchdb-design/testing/patience.ts';
import { BAD_RESPONSES, dropConnection, type Fault } from '../../../server/testing/faulty-database-proxy.ts';
import { eventually } from '../../../server/testing/fake-couchdb.ts';
import { editPreferences, readPreference, SHORT_BACKOFF, type Peer } from '../../../server/testing/pouchdb-peer.ts';
import { setUpPouchdbFixture, eventsNamed, isContinuousFeed } from './testing/pouchdb-fixture.ts';

/** How PouchDB handles errors of `_changes`: the gate ends a sync only when the caller's access ends. */

const fixture = setUpPouchdbFixture();
const { newUser, openPeer, openLivePeer, readStoredPreference, editRemotely } = fixture;

describe('_changes 401 or 403: PouchDB emits one error event and stops the sync permanently', () => {
  const stopsOnce = async (peer: Peer): Promise<void> => {
    await eventually(() => eventsNamed(peer, 'error').length > 0);
    const responses = peer.responses.filter(({ request }) => request.includes('_changes'));
    expect(responses.filter(({ status }) => status === 401)).toHaveLength(1);
    expect(responses.at(-1)?.status).toBe(401);
    expect(responses.slice(0, -1).every(({ status }) => status === 200)).toBe(true);
    expect(eventsNamed(peer, 'error')).toMatchObject([{ name: 'unauthorized', status: 401 }]);
  };

  it('stops when the token expires, after the held longpoll has ended empty', async () => {
    const username = newUser();
    const token = fixture.proxied.gate.token(username, { exp: Math.ceil((Date.now() + scaleMs(2_500)) / 1000) });
    await stopsOnce(await openLivePeer(username, { token: () => token }));
  });

  it('stops when the session is ended', async () => {
    const username = newUser();
    const { sessions } = fixture.proxied.gate.pouchgate.identity;
    const { session } = await sessions.start(username, 'a device');
    const peer = await openLivePeer(username, {
      token: () => fixture.proxied.gate.token(username, { sid: session.id }),
    });
    await sessions.end(username, session.id);
    await stopsOnce(peer);
  });

  it('stops when the account is suspended', async () => {
    const username = newUser();
    const peer = await openLivePeer(username);
    await fixture.proxied.gate.pouchgate.identity.accounts.suspend(username);
    await stopsOnce(peer);
  });

  it('stops without a request loop when the token was expired from the start', async () => {
    const username = newUser();
    const peer = openPeer(username, { token: () => fixture.proxied.gate.token(username, { exp: 1 }) });
    void peer.sync(SHORT_BACKOFF);
    await eventually(() => eventsNamed(peer, 'error').length > 0);
    expect(eventsNamed(peer, 'error')).toMatchObject([{ name: 'unauthorized' }]);
    expect(peer.requests.length).toBeLessThan(12);
  });

  it('does not stop at an upstream 401 or 403: they become 502, and PouchDB retries', async () => {
    for (const status of ['401', '403'] as const) {
      const username = newUser();
      const peer = await openLivePeer(username);
      fixture.proxied.proxy.fault = BAD_RESPONSES[status]((request) => !isContinuousFeed(request));
      await editPreferences(peer.local, `user_${username}`, { theme: 'dark' });
      const late = openPeer(username);
      void late.sync(SHORT_BACKOFF);
      for (const each of [peer, late])
        await eventually(() => each.responses.some((response) => response.status === 502));
      fixture.proxied.proxy.fault = undefined;
      await eventually(async () => (await readPreference(late.local, `user_${username}`, 'theme')) === 'dark');
      expect([...eventsNamed(peer, 'error'), ...eventsNamed(late, 'error')]).toEqual([]);
    }
  });
});

describe('_changes 401 with any other name, 400, 429, a redirect: PouchDB retries forever', () => {
  it('every 401 has the error unauthorized, for any invalid token', async () => {
    const { gate } = fixture.proxied;
    const tokens = ['', 'Bearer', 'Bearer x.y.z', 'Basic YTpi', `Bearer ${gate.token('a', { exp: 1 })}`, 'Bearer é'];
    for (const authorization of tokens) {
      const headers = authorization === '' ? {} : { authorization: encodeURI(authorization).replace('%20', ' ') };
      for (const path of ['/_changes', '/_changes?feed=longpoll', '/', '/_local/x']) {
        const response = await fetch(`${gate.database}${path}`, { headers });
        expect([response.status, await response.json()]).toMatchObject([401, { error: 'unauthorized' }]);
      }
    }
  });

  it('_changes ignores unknown and invalid parameters, and never returns 400', async () => {
    const queries = [
      'since=garbage',
      'since=',
      'since=-1',
      'limit=-1',
      'limit=x',
      'heartbeat=x',
      'timeout=x',
      'feed=x',
    ];
    for (const query of [...queries, 'style=x', 'filter=nobody/knows', 'descending=x', 'seq_interval=x', 'since=%00']) {
      const response = await fixture.proxied.gate.request('queries', `/_changes?${query}`);
      expect([query, response.status]).toEqual([query, 200]);
    }
  });

  it.each(Object.keys(BAD_RESPONSES) as (keyof typeof BAD_RESPONSES)[])(
    'an upstream response %s becomes 502 or 503, and the sync continues after it',
    async (name) => {
      const username = newUser();
      const peer = await openLivePeer(username);
      await expectRecovery(
        username,
        peer,
        BAD_RESPONSES[name]((request) => !isContinuousFeed(request)),
      );
    },
  );

  it('returns 503 while the upstream is down, and the sync continues when it is up', async () => {
    const username = newUser();
    const peer = await openLivePeer(username);
    const recovery = expectRecovery(username, peer, dropConnection());
    fixture.proxied.proxy.dropConnections();
    await recovery;
  });

  async function expectRecovery(username: string, peer: Peer, fault: Fault): Promise<void> {
    fixture.proxied.proxy.fault = fault;
    const response = await fixture.proxied.gate.request(username, '/_changes?since=x');
    expect([502, 503]).toContain(response.status);
    expect(await response.json()).toEqual({
      error: response.status === 502 ? 'bad_gateway' : 'service_unavailable',
      reason: expect.any(String) as string,
    });
    const before = peer.responses.length;
    await editPreferences(peer.local, `user_${username}`, { theme: 'light' });
    await eventually(() => peer.responses.slice(before).filter(({ status }) => status > 500).length > 1);
    expect(peer.responses.slice(before).every(({ status }) => status === 200 || status > 500)).toBe(true);
    fixture.proxied.proxy.fault = undefined;
    await eventually(async () => (await readStoredPreference(username, 'theme')) === 'light');
    await editRemotely(username, { theme: 'dark' });
    await eventually(async () => (await readPreference(peer.local, `user_${username}`, 'theme')) === 'dark');
    expect(eventsNamed(peer, 'error')).toEqual([]);
  }
});
