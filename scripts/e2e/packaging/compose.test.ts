import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { fieldsSchema } from '../../../server/config/schema.ts';
import { readConfig } from '../../../server/config/config.ts';
import { setupCommand } from '../../../server/cli/setup/command.ts';
import { startPouchgate } from '../../../server/app/start.ts';
import { startMemoryEngine } from '../../../server/testing/memory-engine.ts';
import { eventually } from '../../../server/testing/fake-couchdb.ts';

/** Compares compose.yml, .env.example and docs/operations.md with each other and with the server's configuration. */

const readProjectFile = (name: string): string => readFileSync(join(__dirname, '../../..', name), 'utf8');
const COMPOSE = readProjectFile('compose.yml');
const EXAMPLE_VARIABLES = [...readProjectFile('.env.example').matchAll(/^([A-Z_]+)=/gm)].map(([, name = '']) => name);

type Environment = Readonly<Record<string, string>>;

/** Returns the lines of one service, up to the next line with the same indentation. */
function serviceSection(name: string): string {
  const [, lines = ''] = new RegExp(`^  ${name}:\\n((?:    .*\\n|\\n)+)`, 'm').exec(COMPOSE) ?? [];
  return lines;
}

const environmentTemplate = (name: string): Environment => {
  const [, lines = ''] = /^ {4}environment:\n((?: {6}.*\n)+)/m.exec(serviceSection(name)) ?? [];
  return Object.fromEntries(
    [...lines.matchAll(/^ {6}([A-Z_]+): (.*)$/gm)].map(([, key = '', text = '']) => [key, text]),
  );
};

/** Interpolates variables as `docker compose` does. */
function resolveEnvironment(name: string, values: Environment): Environment {
  const filled = Object.entries(environmentTemplate(name)).map(([key, text]) => [
    key,
    text.replaceAll(/\$\{([A-Z_]+):([-?])([^}]*)\}/g, (_all, variable: string, operator: string, fallback: string) => {
      const value = values[variable] ?? '';
      if (value !== '') return value;
      if (operator === '?') throw new Error(`${variable} ${fallback}`);
      return fallback;
    }),
  ]);
  return Object.fromEntries(filled) as Environment;
}

/** Runs the shell commands of docs/operations.md and returns the variables that they write to .env. */
function environmentFromDocs(): Environment {
  const [, lines = ''] = /## With Docker[\s\S]*?```sh\n([\s\S]*?)```/.exec(readProjectFile('docs/operations.md')) ?? [];
  const folder = mkdtempSync(join(tmpdir(), 'pouchgate-env-'));
  try {
    const commands = lines.split('\n').filter((line) => !line.startsWith('docker'));
    execFileSync('sh', ['-euc', commands.join('\n')], { cwd: folder });
    expect(statSync(join(folder, '.env')).mode & 0o777).toBe(0o600);
    const text = readFileSync(join(folder, '.env'), 'utf8');
    return Object.fromEntries([...text.matchAll(/^([A-Z_]+)=(.*)$/gm)].map(([, key = '', value = '']) => [key, value]));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

it('gives the gate only variables that it reads, and never the administrator account', () => {
  const known = Object.keys(fieldsSchema.shape);
  expect(Object.keys(environmentTemplate('gate')).filter((name) => !known.includes(name))).toEqual([]);
  expect(serviceSection('gate')).not.toMatch(/admin/i);
});

it('publishes the ports of the reverse proxy only', () => {
  const published = ['couchdb', 'set-up', 'gate', 'caddy'].filter((name) =>
    serviceSection(name).includes('\n    ports:'),
  );
  expect(published).toEqual(['caddy']);
  expect(serviceSection('caddy')).toContain('networks: [front]');
  expect(serviceSection('couchdb')).toContain('networks: [database]');
  expect(COMPOSE).toMatch(/\n {2}database:\n {4}internal: true\n/);
});

it('trusts the network of the reverse proxy, which no other service shares', () => {
  const [, subnet = 'none'] = /\n {2}front:\n {4}ipam:\n {6}config:\n {8}- subnet: (.*)\n/.exec(COMPOSE) ?? [];
  expect(environmentTemplate('gate')['TRUSTED_PROXIES']).toBe(subnet);
  const inFront = ['couchdb', 'set-up', 'gate', 'caddy'].filter((name) =>
    /networks: .*front/.test(serviceSection(name)),
  );
  expect(inFront).toEqual(['gate', 'caddy']);
});

it('requires every secret, and has no default that grants access', () => {
  const variables = [...COMPOSE.matchAll(/\$\{([A-Z_]+):([-?])([^}]*)\}/g)];
  expect(variables.length).toBe([...COMPOSE.matchAll(/\$/g)].length);
  const defaults = variables
    .filter(([, , operator]) => operator === '-')
    .map(([, name = '', , value = '']) => `${name}=${value}`);
  const expected = [
    'SERVICE_USER=pouchgate',
    'COUCHDB_DOC_IDS_THRESHOLD=',
    'JWT_SECRETS_ACCEPTED=',
    'REGISTRATION=closed',
    'LOG_LEVEL=info',
    'FRONT_SUBNET=10.213.76.0/24',
    'DRAIN_LEAD_SECONDS=0',
    'WORKERS=1',
  ];
  expect(new Set(defaults)).toEqual(new Set(expected));
  const required = variables.filter(([, , operator]) => operator === '?').map(([, name = '']) => name);
  expect(EXAMPLE_VARIABLES.filter((name) => name !== 'REGISTRATION').sort()).toEqual([...new Set(required)].sort());
});

it('runs setup twice and starts the gate as its service account with the .env of docs/operations.md', async () => {
  const values = environmentFromDocs();
  expect(Object.values(values)).not.toContain('');
  const engine = await startMemoryEngine();
  try {
    const { url, username, password } = engine.access;
    const output: string[] = [];
    const runSetup = (): Promise<number> =>
      setupCommand({
        argv: [],
        env: {
          ...resolveEnvironment('set-up', values),
          COUCHDB_URL: url,
          COUCHDB_USER: username,
          COUCHDB_PASSWORD: password,
        },
        print: (line) => output.push(line),
        printError: (line) => output.push(line),
      });
    expect({ code: await runSetup(), output }).toMatchObject({ code: 0 });
    expect(await runSetup()).toBe(0);
    expect(output).toContain('Nothing had to be changed.');
    // The log of the container contains no secret.
    for (const secret of Object.values(values).filter((value) => value.length > 30))
      expect(output.join('\n')).not.toContain(secret);

    const env: Environment = { ...resolveEnvironment('gate', values), COUCHDB_URL: url };
    expect(env['PUBLIC_URL']).toBe(`https://${values['SITE'] ?? ''}`);
    const config = readConfig({ ...env, PORT: '0', METRICS_PORT: 'off', DRAIN_SECONDS: '0' });
    const gate = await startPouchgate({ config, log: pino({ level: 'silent' }) });
    try {
      expect(gate.upstream.username).toBe('pouchgate');
      await eventually(async () => (await fetch(`${gate.url}/readyz`)).status === 200);
    } finally {
      await gate.close();
    }
  } finally {
    await engine.close();
  }
});

it('replaces the key and the service account with the commands of docs/operations.md, and set-up then has nothing to do', async () => {
  const values: Record<string, string> = { ...environmentFromDocs() };
  const engine = await startMemoryEngine();
  const { url, username, password } = engine.access;
  const runSetup = async (...argv: string[]): Promise<string[]> => {
    const output: string[] = [];
    const print = (line: string): void => void output.push(line);
    const access = { COUCHDB_URL: url, COUCHDB_USER: username, COUCHDB_PASSWORD: password };
    const env = { ...resolveEnvironment('set-up', values), ...access };
    expect({ code: await setupCommand({ argv, env, print, printError: print }), output }).toMatchObject({ code: 0 });
    return output;
  };
  const startGate = async (): Promise<void> => {
    const env = { ...resolveEnvironment('gate', values), COUCHDB_URL: url };
    const config = readConfig({ ...env, PORT: '0', METRICS_PORT: 'off', DRAIN_SECONDS: '0' });
    const gate = await startPouchgate({ config, log: pino({ level: 'silent' }) });
    await eventually(async () => (await fetch(`${gate.url}/readyz`)).status === 200);
    await gate.close();
  };
  try {
    await runSetup();
    const [, newKey = ''] = /^COUCHDB_JWT_SECRET=(.*)$/m.exec((await runSetup('--new-secret')).join('\n')) ?? [];
    values['COUCHDB_JWT_SECRET'] = newKey;
    await startGate();
    expect(await runSetup('--remove-old-keys')).toContainEqual(expect.stringMatching(/^done {4}remove \[jwt_keys\]/));
    values['SERVICE_USER'] = 'pouchgate-2';
    values['SERVICE_PASSWORD'] = 'another password of the service account';
    await runSetup();
    expect(await runSetup('--remove-account=pouchgate')).toContain('done    remove the service account pouchgate');
    await startGate();
    expect(await runSetup()).toContain('Nothing had to be changed.');
  } finally {
    await engine.close();
  }
});
