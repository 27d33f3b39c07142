import { createIdentity, type Identity } from '../identity/identity.ts';
import { defaultPreferenceDefinition } from '../preferences/schema.ts';
import { createProvision } from '../registry/provision-document.ts';
import type { Telegram } from '../telegram/telegram.ts';
import { createForward } from '../upstream/forward.ts';
import type { UpstreamConnection } from './connect-upstream.ts';
import { createCore, type Core } from './core.ts';
import type { StartContext } from './start-context.ts';

export interface Services {
  readonly identity: Identity;
  readonly core: Core;
  readonly telegram: Telegram;
}

/** Starts sign-in, the gate, the preferences service and the Telegram bot. */
export async function startServices(context: StartContext, connection: UpstreamConnection): Promise<Services> {
  const { config, log, mount, observability, rateLimits, heartbeat, cleanups } = context;
  const { metrics, feeds } = observability;
  const { upstream, forwardAgent, jwtSecret } = connection;
  const { corsOrigins, registry } = config;
  const rules = defaultPreferenceDefinition(config.idPrefix);
  const provision = createProvision(upstream.couch, registry, rules.idOf);

  const identity = await createIdentity({
    config,
    idOf: rules.idOf,
    upstream,
    log,
    feedListener: feeds.sessions,
    onRegistered: (username) => provision(username),
    rateLimits,
    heartbeat,
  });
  cleanups.add(() => identity.close());

  const core = createCore({
    upstream,
    forward: createForward(upstream.access.url, {
      agent: forwardAgent,
      onResponse: (status) => metrics.onUpstreamResponse('forward', status),
    }),
    jwtSecret,
    mount,
    publicUrl: config.publicUrl ?? '',
    corsOrigins,
    rules,
    provision,
    authenticate: (req) => identity.authenticate(req.headersDistinct),
    authenticateCookie: identity.authenticateCookie,
    assertActive: (caller) => identity.accessMonitor.assertActive(caller),
    rateLimit: rateLimits.preferencesByName,
    log,
    feedListener: feeds.registry,
    onDelivered: (seconds) => metrics.onDelivered(seconds),
    onSlowReader: () => metrics.onSlowReader(),
    heartbeat,
    streamHeartbeatMs: context.streamHeartbeatMs,
  });
  cleanups.add(() => core.close());
  cleanups.add(identity.accessMonitor.onEnded((ended) => core.hub.onRevocation(ended)));

  const telegram = await startTelegram(context, { upstream, identity, core });
  cleanups.add(() => telegram.close());
  return { identity, core, telegram };
}

/** Starts the bot if one is configured. Its modules are loaded only then. */
async function startTelegram(
  { config, log, rateLimits, onError, telegramTimes }: StartContext,
  { upstream, identity, core }: Pick<UpstreamConnection, 'upstream'> & Pick<Services, 'identity' | 'core'>,
): Promise<Telegram> {
  if (config.telegram === undefined) return { routers: [], close: () => Promise.resolve() };
  const { startTelegram: start } = await import('../telegram/telegram.ts');
  return start({
    config: { telegram: config.telegram, sessions: config.sessions },
    couch: upstream.couch,
    service: core.service,
    identity,
    corsOrigins: config.corsOrigins,
    limits: rateLimits,
    log,
    onError,
    timings: telegramTimes,
  });
}
