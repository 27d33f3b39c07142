import type { Config } from 'jest';
import { measurePatience } from './scripts/test/measure-patience.ts';

/** Packages published as ES modules only, which Jest's CommonJS mode has to compile. */
const esmOnly = [
  'http-proxy-middleware',
  'httpxy',
  'is-plain-obj',
  'jose',
  '@seriousme',
  'p-retry',
  'is-network-error',
  'p-limit',
  'yocto-queue',
  'get-port',
  'light-my-request',
  'cookie',
  'svelte',
  'clsx',
  'esm-env',
];

// Workers inherit the variable: see couchdb-design/testing/patience.ts.
process.env['TEST_PATIENCE'] ??= String(measurePatience());

const config: Config = {
  testEnvironment: '<rootDir>/scripts/test/jest-environment.mjs',
  roots: ['<rootDir>/couchdb-design', '<rootDir>/server', '<rootDir>/client', '<rootDir>/scripts'],
  testMatch: ['**/*.test.ts', '**/*.test.tsx'],
  // The benchmark has a test of its own command: it takes a minute, and seldom changes.
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
  // The recipes import the packages by their names.
  moduleNameMapper: {
    '^pouchgate$': '<rootDir>/server/index.ts',
    '^@pouchgate/client$': '<rootDir>/client/index.ts',
    '^@pouchgate/client/react$': '<rootDir>/client/react.ts',
  },
  testSequencer: '<rootDir>/scripts/test/jest-sequencer.mjs',
  setupFiles: ['<rootDir>/scripts/test/jest-setup.ts'],
  // Many tests wait more than they compute, so four workers are faster than two on two processors.
  maxWorkers: 4,
  // Ends a test whose event never comes. No test relies on it, so it is generous; a test's own bounds are its assertions.
  testTimeout: 240_000 * Number(process.env['TEST_PATIENCE']),
};

export default config;
