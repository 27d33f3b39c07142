import type { Config } from '../config/config.ts';
import { createIdentity, type Identity } from '../identity/identity.ts';
import { defaultPreferenceDefinition } from '../preferences/schema.ts';
import { createProvision } from '../registry/provision-document.ts';
import type { Telegram, TelegramOptions } from '../telegram/telegram.ts';
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
  const { config, log, mount, observability, rateLimits, heartbeat, now, onError, cleanups } = context;
  const { metrics, feeds } = observability;
  const { upstream, forwardAgent, jwtSecret, docIdsThreshold } = connection;
  const { corsOrigins, registry } = config;
  const rules = defaultPreferenceDefinition(config.idPrefix);
  const provision = createProvision(upstream, registry, rules.idOf);

  const identity = await createIdentity({
    config,
    idOf: rules.idOf,
    upstream,
    log,
    feedListener: feeds.sessions,
    onRegistered: (username) => provision(username),
    passwordWork: context.passwordWork,
    onSignIn: (outcome) => metrics.onSignIn(outcome),
    rateLimits,
    heartbeat,
    now,
  });
  cleanups.add(() => identity.close());

  const core = createCore({
    upstream,
    forward: createForward(upstream.access.url, {
      agent: forwardAgent,
      onResponse: (status) => metrics.onUpstreamResponse('forward', status),
    }),
    jwtSecret,
    docIdsThreshold,
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
    now,
    feedListener: feeds.registry,
    onDelivered: (seconds) => metrics.onDelivered(seconds),
    onSlowReader: () => metrics.onSlowReader(),
    onWithheld: () => metrics.onWithheld(),
    onWaited: (share, seconds) => metrics.onWaited(share, seconds),
    onLeavesRead: (count) => metrics.onLeavesRead(count),
    heartbeat,
    streamHeartbeatMs: context.streamHeartbeatMs,
  });
  cleanups.add(() => core.close());
  cleanups.add(identity.accessMonitor.onEnded((ended) => core.hub.onRevocation(ended)));

  const telegram = await startBot(config, {
    couch: upstream.couch,
    service: core.service,
    identity,
    corsOrigins,
    limits: rateLimits,
    log,
    onError,
    timings: context.telegramTimes,
  });
  cleanups.add(() => telegram.close());
  return { identity, core, telegram };
}

/** Starts the bot if one is configured. Its library is loaded only then. */
async function startBot(
  { telegram, sessions }: Pick<Config, 'telegram' | 'sessions'>,
  options: Omit<TelegramOptions, 'config'>,
): Promise<Telegram> {
  if (telegram === undefined) return { routers: [], close: () => Promise.resolve() };
  const { startTelegram } = await import('../telegram/telegram.ts');
  return startTelegram({ ...options, config: { telegram, sessions } });
}
