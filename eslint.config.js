import js from '@eslint/js';
import importX from 'eslint-plugin-import-x';
import tseslint from 'typescript-eslint';

const here = import.meta.dirname;

/** `target` may import nothing from `from`, but for what `except` names (relative to `from`). */
const floor = (target, from, message, except = []) => ({ target, from, except, message });

export default tseslint.config(
  { ignores: ['dist/', 'data/', 'coverage/', 'node_modules/'] },
  js.configs.recommended,
  {
    files: ['**/*.ts', '**/*.tsx'],
    extends: [...tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: here } },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
    },
  },
  {
    files: ['**/*.ts', '**/*.tsx'],
    plugins: { 'import-x': importX },
    rules: {
      'import-x/no-cycle': ['error', { ignoreExternal: true }],
      'import-x/no-restricted-paths': [
        'error',
        {
          basePath: here,
          zones: [
            floor('./couchdb-design', './server', 'couchdb-design imports nothing of ours'),
            floor('./couchdb-design', './client', 'couchdb-design imports nothing of ours'),
            floor('./server', './client', 'server and client never import each other'),
            floor('./client', './server', 'client may only take types from server/contract.ts', ['./contract.ts']),
            floor('./server/upstream', './server/gate', 'the gate stands on upstream'),
            floor('./server/upstream', './server/identity', 'identity stands on upstream'),
            floor('./server/identity', './server/gate', 'the gate stands beside identity, and knows callers only'),
            floor('./server/gate', './server/identity', 'the gate stands beside identity, and knows callers only'),
            floor('./server/upstream', './server/operations', 'operations stand on what they watch'),
            floor('./server/identity', './server/operations', 'operations stand on what they watch'),
            floor('./server/gate', './server/operations', 'operations stand on what they watch'),
            floor('./server/upstream', './server/preferences', 'the other doors stand on the gate'),
            floor('./server/identity', './server/preferences', 'the other doors stand beside identity'),
            floor('./server/gate', './server/preferences', 'the other doors stand on the gate'),
            floor('./server/preferences', './server/operations', 'operations stand on what they watch'),
            floor('./server/preferences', './server/openapi', 'the description stands on what it describes'),
            floor('./server/upstream', './server/users', 'the operator stands on what the gates do'),
            floor('./server/identity', './server/users', 'the operator stands on what the gates do'),
            floor('./server/gate', './server/users', 'the operator stands on what the gates do'),
            floor('./server/preferences', './server/users', 'the operator stands on what the gates do'),
            floor('./server/set-up', './server/users', 'users stand on set-up', ['./as-service-account.ts']),
            floor('./server/doctor', './server/users', 'the operator stands on what the gates do'),
            floor('./server/upstream', './server/telegram', 'the bot stands on the preferences service'),
            floor('./server/identity', './server/telegram', 'the bot stands on the preferences service'),
            floor('./server/gate', './server/telegram', 'the bot stands on the preferences service'),
            floor('./server/preferences', './server/telegram', 'the bot stands on the preferences service'),
            floor('./server/telegram', './server/operations', 'operations stand on what they watch'),
            floor('./client', './couchdb-design/preferences.ts', 'zod stays on the server'),
            floor('./client', './couchdb-design/user-document.ts', 'zod stays on the server'),
            floor('./client', './couchdb-design/user-document-schema.ts', 'zod stays on the server'),
            floor('./client', './couchdb-design/read-user-document.ts', 'zod stays on the server'),
            floor('./client/store', './client/sync', 'sync stands on the store'),
            floor('./client/store', './client/app', 'the app stands on the library'),
            floor('./client/sync', './client/app', 'the app stands on the library'),
            floor('./client/platform', './client/app', 'the app stands on the library'),
            floor('./couchdb-design', './scripts', 'nothing imports scripts'),
            floor('./server', './scripts', 'nothing imports scripts'),
            floor('./client', './scripts', 'nothing imports scripts'),
          ],
        },
      ],
    },
  },
  {
    // What CouchDB's own engines run: plain ES5, one function, no modules.
    files: ['couchdb-design/user_registry/**/*.js'],
    languageOptions: {
      ecmaVersion: 5,
      sourceType: 'script',
      globals: { emit: 'readonly', isArray: 'readonly', toJSON: 'readonly', log: 'readonly' },
    },
    rules: { 'no-unused-expressions': 'off', 'no-unused-vars': 'off' },
  },
  {
    files: ['**/*.mjs', '*.js'],
    languageOptions: { globals: { process: 'readonly', console: 'readonly', URL: 'readonly' } },
  },
  {
    files: ['docs/recipes/*.mjs'],
    languageOptions: { globals: { fetch: 'readonly', queueMicrotask: 'readonly' } },
  },
  {
    files: ['docs/recipes/*.test.mjs'],
    languageOptions: {
      globals: { beforeAll: 'readonly', afterAll: 'readonly', test: 'readonly', expect: 'readonly' },
    },
  },
);
