/** The two published packages. Versions, licence and addresses come from the repository's package.json (manifest.ts). */

export interface PackageDescription {
  readonly name: string;
  /** The name of the folder in dist/packages. */
  readonly folder: string;
  readonly description: string;
  readonly keywords: readonly string[];
  /** The TypeScript project that compiles it, relative to the repository. */
  readonly project: string;
  /** The source that becomes README.md, relative to the repository. */
  readonly readme: string;
  /** The source file of each export. */
  readonly exports: Readonly<Record<string, string>>;
  /** Further modules that Node runs by their path: commands and child processes. */
  readonly programs: readonly string[];
  readonly bin?: Readonly<Record<string, string>>;
  /** Packages that are compiled into this one instead of being declared, so that their `engines` do not apply. */
  readonly inlined: readonly string[];
  /** Packages that no file of this package imports, but that one of its dependencies imports without declaring it. */
  readonly undeclared: readonly string[];
  /** Folders of files that the code or an operator reads, relative to the repository. They keep their path next to the compiled code. */
  readonly assets: readonly string[];
  /** Whether it contains the built page. */
  readonly page: boolean;
}

const SERVER_PACKAGE: PackageDescription = {
  name: 'pouchgate',
  folder: 'pouchgate',
  description:
    'One live, offline-capable document per signed-in user, by real PouchDB replication, out of one shared CouchDB database: the server.',
  keywords: ['couchdb', 'pouchdb', 'replication', 'offline', 'sync', 'express', 'preferences'],
  project: 'scripts/build/tsconfig.pouchgate.json',
  readme: 'README.md',
  exports: { '.': 'server/index.ts', './testing': 'server/testing-api.ts' },
  programs: [
    'server/testing-api-process.ts',
    'server/upstream/embedded/engine-process-main.ts',
    'scripts/pouchgate.ts',
  ],
  bin: { pouchgate: 'scripts/pouchgate.ts' },
  // Version 4 declares Node 22.15, and passes every test on Node 20. Version 3 has a request-framing fault.
  inlined: ['http-proxy-middleware'],
  undeclared: [],
  assets: ['couchdb-design/user_registry', 'docs/operations'],
  page: true,
};

const CLIENT_PACKAGE: PackageDescription = {
  name: '@pouchgate/client',
  folder: 'client',
  description:
    'One live, offline-capable document per signed-in user, by real PouchDB replication: the browser library, with React hooks.',
  keywords: ['pouchdb', 'couchdb', 'offline', 'sync', 'local-first', 'react', 'preferences'],
  project: 'scripts/build/tsconfig.client.json',
  readme: 'client/README.md',
  exports: {
    '.': 'client/index.ts',
    './react': 'client/react.ts',
    './reasons': 'client/reasons.ts',
    './stream': 'client/stream.ts',
  },
  programs: [],
  inlined: [],
  // pouchdb-browser imports Node's module of this name, which browsers do not have.
  undeclared: ['events'],
  assets: [],
  page: false,
};

export const PACKAGES: readonly PackageDescription[] = [SERVER_PACKAGE, CLIENT_PACKAGE];
