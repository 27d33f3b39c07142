import type { Config } from 'jest';

/** Packages published as ES modules only, which Jest's CommonJS mode has to compile. */
const esmOnly = [
  'http-proxy-middleware',
  'httpxy',
  'is-plain-obj',
  'jose',
  '@streamparser',
  '@seriousme',
  'p-retry',
  'is-network-error',
  'p-limit',
  'yocto-queue',
  'get-port',
];

const config: Config = {
  testEnvironment: 'node',
  roots: ['<rootDir>/couchdb-design', '<rootDir>/server', '<rootDir>/client', '<rootDir>/scripts'],
  testMatch: ['**/*.test.ts', '**/*.test.tsx'],
  // The benchmark has a test of its own command: it takes a minute, and changes seldom.
  testPathIgnorePatterns: ['/node_modules/', '/scripts/bench/bench\\.test\\.ts$'],
  transform: {
    '\\.[cm]?[jt]sx?$': [
      '@swc/jest',
      {
        jsc: {
          target: 'es2023',
          parser: { syntax: 'typescript', tsx: true },
          transform: { react: { runtime: 'automatic' } },
        },
        module: { type: 'commonjs' },
      },
    ],
  },
  transformIgnorePatterns: [`node_modules/(?!(${esmOnly.join('|')})/)`],
  testSequencer: '<rootDir>/scripts/test/jest-sequencer.mjs',
  setupFiles: ['<rootDir>/scripts/test/jest-setup.ts'],
  // Many tests wait more than they work, and two cores are what there is where they have to pass.
  maxWorkers: 4,
  testTimeout: 30_000,
};

export default config;
