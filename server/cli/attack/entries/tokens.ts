import { forgeTokens } from '../forge-tokens.ts';
import type { AttackEntry } from '../entry.ts';

/** Tokens that were not issued. */
export const TOKENS: readonly AttackEntry[] = [
  {
    group: 'tokens',
    request: 'GET with forged, unsigned and damaged tokens of user B',
    expectation: '4xx',
    async run(probe, { path, names, target: { api }, attacker, victim }) {
      const tokens = forgeTokens(attacker.credentials.token, victim.credentials.token, Math.floor(Date.now() / 1_000));
      for (const { description, token } of tokens) {
        for (const target of [
          `${path}/_changes`,
          `${path}/${encodeURIComponent(names.other.id)}`,
          `${api}/users/profile`,
        ]) {
          const response = await probe.send({ method: 'GET', target, headers: { Authorization: `Bearer ${token}` } });
          if (response !== undefined && response.status < 400)
            probe.report(`GET ${target} with a token: ${description}`, `${response.status}, and not refused`);
        }
      }
    },
  },
  {
    group: 'tokens',
    request: 'GET of the own document without a token, or an expired one',
    expectation: '4xx',
    async run(probe, { path, names, expiredToken }) {
      const target = `${path}/${encodeURIComponent(names.own.id)}`;
      for (const path of [target, `${target}?open_revs=all`])
        await probe.expectRefusal({ method: 'GET', target: path, isAnonymous: true });
      if (expiredToken === undefined) {
        probe.note('no ATTACK_EXPIRED_TOKEN');
        return;
      }
      await probe.expectRefusal({ method: 'GET', target, headers: { Authorization: `Bearer ${expiredToken}` } });
    },
  },
  {
    group: 'tokens',
    request: '_changes, _bulk_get, _bulk_docs, _local without a token',
    expectation: '4xx',
    async run(probe, { path, names }) {
      const doc_ids = [names.own.id];
      const headers = { 'Content-Type': 'application/json' };
      const bodies = { _changes: { doc_ids }, _bulk_get: { docs: [{ id: names.own.id }] }, _bulk_docs: { docs: [] } };
      for (const [endpoint, body] of Object.entries(bodies))
        await probe.expectRefusal({
          method: 'POST',
          target: `${path}/${endpoint}`,
          headers,
          body: JSON.stringify(body),
          isAnonymous: true,
        });
      await probe.expectRefusal({ method: 'GET', target: `${path}/_local/x`, isAnonymous: true });
    },
  },
];
