/** A load balancer as operators configure one: it checks `/readyz`, keeps connections open, and retries nothing. */
import http from 'node:http';
import { createLoopbackServers } from '../../../../client/testing/loopback-server.ts';
import { closeAfterTests } from '../../../../couchdb-design/testing/open-resources.ts';

export interface LoadBalancer {
  readonly url: string;
  readonly close: () => Promise<void>;
}

/** The time between two checks of one gate, in ms. The drain lead time of a test must be several times as long. */
const CHECK_INTERVAL_MS = 200;

/** Starts a load balancer in front of gates with these URLs. It sends 502 when a connection to a gate fails. */
export async function startLoadBalancer(gateUrls: readonly string[]): Promise<LoadBalancer> {
  const agent = new http.Agent({ keepAlive: true });
  const servers = createLoopbackServers();
  const healthy = new Set<string>();
  const check = (gateUrl: string): void => {
    http
      .get(`${gateUrl}/readyz`, { agent: false }, (response) => {
        response.resume();
        if (response.statusCode === 200) healthy.add(gateUrl);
        else healthy.delete(gateUrl);
      })
      .on('error', () => healthy.delete(gateUrl));
  };
  const checking = setInterval(() => gateUrls.forEach(check), CHECK_INTERVAL_MS);
  let count = 0;
  const url = await servers.serve((req, res) => {
    const gates = [...healthy];
    const gateUrl = gates[(count += 1) % gates.length];
    if (gateUrl === undefined) {
      res.writeHead(503).end();
      return;
    }
    const { method, url: path, headers } = req;
    const forwarded = http.request(`${gateUrl}${path ?? ''}`, { agent, method, headers }, (response) => {
      // `Connection` concerns the connection to the gate only.
      const headers = Object.entries(response.headers).filter(([name]) => name !== 'connection');
      res.writeHead(response.statusCode ?? 502, Object.fromEntries(headers));
      response.pipe(res);
      response.on('error', () => res.destroy());
    });
    forwarded.on('error', () => (res.headersSent ? res.destroy() : res.writeHead(502).end()));
    res.on('close', () => forwarded.destroy());
    req.pipe(forwarded);
  });
  return closeAfterTests({
    url,
    close: async () => {
      clearInterval(checking);
      agent.destroy();
      await servers.close();
    },
  });
}
