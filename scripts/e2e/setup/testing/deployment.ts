import pino from 'pino';
import { closeAfterTests } from '../../../../couchdb-design/testing/open-resources.ts';
import { startPouchgate, type Pouchgate } from '../../../../server/app/start.ts';
import { readConfig } from '../../../../server/config/config.ts';
import { eventually } from '../../../../server/testing/fake-couchdb.ts';
import { rateLimitsWith } from '../../../../server/testing/test-identity.ts';
import { startLoadBalancer } from '../../resilience/testing/load-balancer.ts';

type Environment = Readonly<Record<string, string>>;

/** Two gates behind a load balancer, as an operator runs them. */
export interface Deployment {
  /** The URL of the load balancer. */
  readonly url: string;
  /** Restarts the gates with this environment, the second one when the first is ready. */
  roll(env: Environment): Promise<void>;
  close(): Promise<void>;
}

/** The drain lead time is several times the interval of the load balancer's checks. */
const SETTINGS = { METRICS_PORT: 'off', DRAIN_LEAD_SECONDS: '1', DRAIN_SECONDS: '0', REGISTRATION: 'open' } as const;

const startGate = (env: Environment, port: string): Promise<Pouchgate> =>
  startPouchgate({
    config: readConfig({ ...SETTINGS, ...env, PORT: port }),
    log: pino({ level: 'silent' }),
    rateLimits: rateLimitsWith(),
  });

const isReady = async (url: string): Promise<boolean> => (await fetch(`${url}/readyz`)).status === 200;

/** Starts two gates with the environment that set-up has printed, and `JWT_SECRET`. */
export async function startDeployment(env: Environment): Promise<Deployment> {
  const gates = [await startGate(env, '0'), await startGate(env, '0')];
  const balancer = await startLoadBalancer(gates.map(({ url }) => url));
  await eventually(() => isReady(balancer.url));
  return closeAfterTests({
    url: balancer.url,
    async roll(next) {
      for (const [index, gate] of gates.entries()) {
        await gate.close();
        const restarted = await startGate(next, new URL(gate.url).port);
        gates[index] = restarted;
        await eventually(() => isReady(restarted.url));
      }
    },
    async close() {
      await balancer.close();
      const closing = gates.map((gate) => gate.close());
      for (const gate of gates) gate.endDrainLead();
      await Promise.all(closing);
    },
  });
}
