/** The paths of requests from a client to the gates: one through each proxy and configuration. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Agent, fetch as undiciFetch, type Dispatcher } from 'undici';
import { findFreePort } from '../../../../server/testing/free-port.ts';
import { CONFIGURATIONS, proxyArguments, type ConfigurationName, type ProxyName } from './proxies.ts';
import type { Journal } from './journal.ts';
import { startProxyProcess } from './proxy-process.ts';
import { createRequestLog, type RequestLog } from './request-log.ts';

export interface Path {
  readonly proxy: ProxyName;
  readonly configuration: ConfigurationName;
  /** The proxy's origin. */
  readonly url: string;
  /** Trusts the proxy's certificate, and accepts compressed responses as browsers do. */
  readonly fetch: typeof globalThis.fetch;
  /** Returns the same path for one client, whose requests are recorded. `name` is its name in the journal. */
  readonly observe: (name: string) => ObservedPath;
  readonly close: () => Promise<void>;
}

export interface ObservedPath extends Path {
  readonly requests: RequestLog;
}

export interface PathFactory {
  /** Starts a proxy in front of the gates. */
  readonly open: (proxy: ProxyName, program: string, configuration: ConfigurationName) => Promise<Path>;
}

/** The temporary files are removed when this process exits. */
export function createPathFactory(gates: readonly [string, string], journal: Journal): PathFactory {
  const root = mkdtempSync(join(tmpdir(), 'pouchgate-proxies-'));
  const removeFiles = (): void => rmSync(root, { recursive: true, force: true });
  process.once('exit', removeFiles);
  const certificate = createCertificate(root);
  const ca = readFileSync(certificate, 'utf8');
  return {
    open: async (proxy, program, configuration) => {
      const folder = join(root, `${proxy}-${configuration.replace('/', '-')}`);
      mkdirSync(folder);
      const [port, redirectPort] = [await findFreePort(), await findFreePort()];
      const { scheme, text } = CONFIGURATIONS[proxy][configuration]({ port, redirectPort, gates, folder, certificate });
      const file = join(folder, 'configuration');
      writeFileSync(file, text);
      const name = `${proxy} ${configuration}`;
      const running = await startProxyProcess(program, proxyArguments(proxy, file, folder), {
        folder,
        port,
        onOutput: journal.recordLines(name),
      });
      const dispatcher = new Agent({ connect: { ca } });
      const path: Path = {
        proxy,
        configuration,
        url: `${scheme}://127.0.0.1:${port}`,
        fetch: createFetch(dispatcher),
        observe: (client) => {
          const requests = createRequestLog((text) => journal.record(`${name}, ${client}`, text));
          return { ...path, fetch: createFetch(dispatcher.compose(requests.interceptor)), requests };
        },
        close: async () => {
          await dispatcher.destroy();
          await running.close();
        },
      };
      return path;
    },
  };
}

/** The types of undici and of Node differ in details. */
const createFetch = (dispatcher: Dispatcher): Path['fetch'] =>
  ((input: string, init?: object) => undiciFetch(input, { ...init, dispatcher })) as unknown as Path['fetch'];

/** Creates a self-signed certificate for 127.0.0.1. Returns the path of a file with it and its key. */
function createCertificate(folder: string): string {
  const [key, certificate, both] = ['key', 'certificate', 'both'].map((name) => join(folder, `${name}.pem`)) as [
    string,
    string,
    string,
  ];
  const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'];
  const options = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1'];
  execFileSync('openssl', ['req', ...options, ...subject, '-keyout', key, '-out', certificate], { stdio: 'ignore' });
  writeFileSync(both, readFileSync(certificate, 'utf8') + readFileSync(key, 'utf8'), { mode: 0o600 });
  return both;
}
