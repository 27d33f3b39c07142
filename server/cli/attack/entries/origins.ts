import { headerValues, type ObservedResponse } from '../http/observed-response.ts';
import type { AttackEntry } from '../entry.ts';

const NO_SESSION = 'not sent: needs --register or --users';

/** Origins of pages that are not the application's. */
const foreignOrigins = (host: string): readonly string[] => [
  'https://evil.example',
  'null',
  `https://${host}.evil.example`,
  `https://evil-${host}`,
  'http://127.0.0.1:1',
];

/** Requests that a page of another origin makes a browser send. */
export const ORIGINS: readonly AttackEntry[] = [
  {
    group: 'origins',
    request: 'preflight and simple requests with foreign origins',
    expectation: 'no Access-Control-Allow-Origin for them',
    async run(probe, { path, target, names }) {
      const targets = [
        `${path}/${encodeURIComponent(names.own.id)}`,
        `${path}/_bulk_docs`,
        `${target.api}/users/preferences`,
        `${target.api}/auth/refresh`,
        '/healthz',
      ];
      for (const origin of foreignOrigins(target.host)) {
        for (const path of targets) {
          const preflight = {
            method: 'OPTIONS',
            target: path,
            headers: {
              Origin: origin,
              'Access-Control-Request-Method': 'POST',
              'Access-Control-Request-Headers': 'authorization,content-type',
            },
            isAnonymous: true,
          };
          for (const request of [preflight, { method: 'GET', target: path, headers: { Origin: origin } }]) {
            const response = await probe.send(request);
            if (response !== undefined && allowsOrigin(response, origin))
              probe.report(request, `allows the origin ${origin}`);
          }
        }
      }
    },
  },
  {
    group: 'origins',
    request: 'the session cookie with a foreign Origin, on its routes',
    expectation: '4xx',
    async run(probe, { target: { api }, attacker }) {
      const { cookie } = attacker.credentials;
      if (cookie === undefined) {
        probe.note(NO_SESSION);
        return;
      }
      for (const context of [
        { Origin: 'https://evil.example', 'Sec-Fetch-Site': 'cross-site' },
        { Origin: 'https://evil.example', 'Sec-Fetch-Site': 'same-site' },
        // A browser omits Sec-Fetch-Site where the server is not potentially trustworthy.
        { Origin: 'http://evil.example' },
        { Origin: 'null' },
      ]) {
        const headers = { Cookie: cookie, ...context };
        await probe.expectRefusal({
          method: 'GET',
          target: `${api}/users/preferences/stream?timeout=1000`,
          headers,
          isAnonymous: true,
          closeAfterMs: 500,
        });
        for (const path of ['refresh', 'sign-out'])
          await probe.expectRefusal({ method: 'POST', target: `${api}/auth/${path}`, headers, isAnonymous: true });
      }
    },
  },
  {
    group: 'origins',
    request: 'replication and REST with the session cookie alone',
    expectation: '4xx',
    async run(probe, { path, target: { api }, attacker }) {
      const { cookie } = attacker.credentials;
      if (cookie === undefined) {
        probe.note(NO_SESSION);
        return;
      }
      for (const target of [
        `${path}/_changes`,
        `${api}/users/preferences`,
        `${api}/users/profile`,
        `${api}/auth/sessions`,
      ])
        await probe.expectRefusal({ method: 'GET', target, headers: { Cookie: cookie }, isAnonymous: true });
    },
  },
  {
    group: 'origins',
    request: 'two session cookies, as a sibling subdomain can set one',
    expectation: '4xx',
    async run(probe, { target: { api }, attacker, victim }) {
      const [own, others] = [attacker.credentials.cookie, victim.credentials.cookie];
      if (own === undefined || others === undefined) {
        probe.note(NO_SESSION);
        return;
      }
      for (const Cookie of [`${own}; ${others}`, `${others}; ${own}`]) {
        const target = `${api}/users/preferences/stream?timeout=1000`;
        await probe.expectRefusal({
          method: 'GET',
          target,
          headers: { Cookie, 'Sec-Fetch-Site': 'same-origin' },
          isAnonymous: true,
          closeAfterMs: 500,
        });
      }
    },
  },
];

/** A page of the origin could read the response with the user's credentials, or without any. */
function allowsOrigin(response: ObservedResponse, origin: string): boolean {
  const [allowed] = headerValues(response, 'access-control-allow-origin');
  const withCredentials = headerValues(response, 'access-control-allow-credentials').includes('true');
  return allowed === origin || (allowed === '*' && withCredentials);
}
