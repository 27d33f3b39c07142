/**
 * The proxies and their configurations: a minimal one, one that compresses all responses, and the file in docs/proxies, in which
 * only addresses and the certificate are replaced.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export const PROXY_NAMES = ['nginx', 'haproxy', 'caddy'] as const;
export type ProxyName = (typeof PROXY_NAMES)[number];

export const CONFIGURATION_NAMES = ['plain', 'compressing', 'docs/proxies'] as const;
export type ConfigurationName = (typeof CONFIGURATION_NAMES)[number];

export interface Addresses {
  readonly port: number;
  /** The port of the redirect to https, in the files of docs/proxies. */
  readonly redirectPort: number;
  /** `127.0.0.1:4001` */
  readonly gates: readonly [string, string];
  /** Where the proxy stores its files. */
  readonly folder: string;
  /** A file with a certificate for 127.0.0.1 and its key. */
  readonly certificate: string;
}

/** Configurations that send a refused request to the other gate. The others respond with 502 or 503 while one gate is down. */
export const retriesRefused = (proxy: ProxyName, configuration: ConfigurationName): boolean =>
  proxy === 'nginx' || configuration === 'docs/proxies';

export interface Configuration {
  /** The scheme of its URL. */
  readonly scheme: 'http' | 'https';
  readonly text: string;
}

const DOCS = join(import.meta.dirname, '../../../../docs/proxies');

/** Reads a file of docs/proxies and replaces each text of `replacements`. Throws if one does not occur. */
function readDocumented(name: string, replacements: Readonly<Record<string, string>>): string {
  return Object.entries(replacements).reduce(
    (text, [before, after]) => {
      if (!text.includes(before)) throw new Error(`docs/proxies/${name} does not contain "${before}".`);
      return text.replaceAll(before, after);
    },
    readFileSync(join(DOCS, name), 'utf8'),
  );
}

const nginxSite = ({ port, gates }: Addresses, directives: string): string => `
upstream gates {
    server ${gates[0]};
    server ${gates[1]};
}
server {
    listen 127.0.0.1:${port};
    ${directives}
    location / {
        proxy_pass http://gates;
    }
}`;

/** Debian's /etc/nginx/nginx.conf includes sites in the same way. Its own log and temporary files need another folder. */
const nginxMain = ({ folder }: Addresses, site: string): string => `
pid ${folder}/nginx.pid;
error_log stderr;
${process.getuid?.() === 0 ? 'user root;' : ''}
events {}
http {
    access_log off;
    ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((kind) => `${kind}_temp_path ${folder}/${kind};`).join('\n    ')}
    ${site}
}`;

const NGINX: Readonly<Record<ConfigurationName, (addresses: Addresses) => Configuration>> = {
  plain: (addresses) => ({ scheme: 'http', text: nginxMain(addresses, nginxSite(addresses, '')) }),
  compressing: (addresses) => ({
    scheme: 'http',
    text: nginxMain(addresses, nginxSite(addresses, 'gzip on; gzip_proxied any; gzip_types *; gzip_min_length 0;')),
  }),
  'docs/proxies': (addresses) => ({
    scheme: 'https',
    text: nginxMain(
      addresses,
      readDocumented('nginx.conf', {
        'listen 80;': `listen 127.0.0.1:${addresses.redirectPort};`,
        'listen 443 ': `listen 127.0.0.1:${addresses.port} `,
        'example.org;': '127.0.0.1;',
        '/etc/ssl/certs/example.org.pem': addresses.certificate,
        '/etc/ssl/private/example.org.key': addresses.certificate,
        '127.0.0.1:4001': addresses.gates[0],
        '127.0.0.1:4002': addresses.gates[1],
      }),
    ),
  }),
};

/** The timeouts are those of Debian's /etc/haproxy/haproxy.cfg. */
const haproxy = ({ port, gates }: Addresses, directives: string): string => `
defaults
    mode http
    timeout connect 5000
    timeout client 50000
    timeout server 50000
frontend public
    bind 127.0.0.1:${port}
    ${directives}
    default_backend gates
backend gates
    server gate1 ${gates[0]}
    server gate2 ${gates[1]}
`;

const HAPROXY: typeof NGINX = {
  plain: (addresses) => ({ scheme: 'http', text: haproxy(addresses, '') }),
  compressing: (addresses) => ({ scheme: 'http', text: haproxy(addresses, 'compression algo gzip') }),
  'docs/proxies': ({ port, redirectPort, gates, certificate }) => ({
    scheme: 'https',
    text: readDocumented('haproxy.cfg', {
      ':80': `127.0.0.1:${redirectPort}`,
      ':443': `127.0.0.1:${port}`,
      '/etc/haproxy/example.org.pem': certificate,
      '127.0.0.1:4001': gates[0],
      '127.0.0.1:4002': gates[1],
    }),
  }),
};

const caddy = ({ port, gates }: Addresses, directives: string): string => `
{
	admin off
}
http://127.0.0.1:${port} {
	${directives}
	reverse_proxy ${gates.join(' ')}
}
`;

const CADDY: typeof NGINX = {
  plain: (addresses) => ({ scheme: 'http', text: caddy(addresses, '') }),
  compressing: (addresses) => ({ scheme: 'http', text: caddy(addresses, 'encode zstd gzip') }),
  // With https, Caddy would use its own certificate, and redirect from port 80, which may be in use.
  'docs/proxies': ({ port, gates }) => ({
    scheme: 'http',
    text: readDocumented('Caddyfile', {
      '{$SITE:example.org}': `http://127.0.0.1:${port}`,
      '{$GATES:127.0.0.1:4001 127.0.0.1:4002}': gates.join(' '),
    }),
  }),
};

export const CONFIGURATIONS: Readonly<Record<ProxyName, typeof NGINX>> = {
  nginx: NGINX,
  haproxy: HAPROXY,
  caddy: CADDY,
};

/** Returns the arguments with which a proxy runs in the foreground. */
export function proxyArguments(name: ProxyName, file: string, folder: string): readonly string[] {
  switch (name) {
    case 'nginx':
      return ['-p', folder, '-c', file, '-e', 'stderr', '-g', 'daemon off;'];
    case 'haproxy':
      return ['-db', '-f', file];
    case 'caddy':
      return ['run', '--config', file, '--adapter', 'caddyfile'];
  }
}
