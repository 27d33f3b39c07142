import js from '@eslint/js';
import importX from 'eslint-plugin-import-x';
import jsdoc from 'eslint-plugin-jsdoc';
import tseslint from 'typescript-eslint';

const here = import.meta.dirname;

/**
 * The layers of server/, from the top down. A module imports only lower rows, and never another module of its own row.
 * `contract.ts` and the modules of the first row are files; the others are folders.
 */
const SERVER_LAYERS = [
  ['main.ts', 'index.ts', 'testing-api.ts', 'testing-api-process.ts', 'testing-api-messages.ts'],
  ['cli', 'workers'],
  ['app'],
  ['telegram', 'observability'],
  ['gate', 'identity', 'preferences'],
  ['registry', 'config', 'lifecycle', 'openapi'],
  ['upstream'],
  ['http'],
  ['contract.ts', 'lib'],
];

/** `target` may import nothing from `from`, except what `except` names (relative to `from`). */
const zone = (target, from, message, except = []) => ({ target, from, except, message });

/** One zone for each pair of modules of which the first may not import the second. */
const serverZones = SERVER_LAYERS.flatMap((modules, row) =>
  modules.flatMap((target) =>
    SERVER_LAYERS.slice(0, row + 1)
      .flat()
      .filter((from) => from !== target && row > 0)
      .map((from) => zone(`./server/${target}`, `./server/${from}`, `server/${target} is not above server/${from}`)),
  ),
);

/** The package entries, and the files that declare the functions and options which these export. */
const PUBLIC_FILES = [
  'client/{index,preferences-store,react,reasons,stream,types}.ts',
  'client/platform/erase-local-data.ts',
  'server/{index,testing-api}.ts',
  'server/app/mounted-pouchgate.ts',
];

/** The files of other declarations that public types refer to. Their functions are internal. */
const PUBLIC_TYPE_FILES = [
  'client/platform/{environment,health,pouch-database}.ts',
  'client/store/{edits,leaf,stored-snapshot,superseded-edits}.ts',
  'client/sync/{status,status-reason,timing}.ts',
  'client/sync/http/token-source.ts',
  'server/preferences/response.ts',
  'server/upstream/client.ts',
];

/** The public ones of their interfaces. */
const PUBLIC_INTERFACES = [
  'BroadcastTransport',
  'Database',
  'Edit',
  'Environment',
  'RawLeaf',
  'RefusedEdit',
  'StoredSnapshot',
  'SupersededEdit',
  'SyncStatus',
  'SyncTiming',
  'UpstreamAccess',
];

/** The exported functions; `createX = () => …` included. */
const PUBLIC_FUNCTIONS = [
  'ExportNamedDeclaration > FunctionDeclaration',
  'ExportNamedDeclaration > TSDeclareFunction',
  'ExportNamedDeclaration > VariableDeclaration > VariableDeclarator > ArrowFunctionExpression',
];

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
            ...serverZones,
            zone('./couchdb-design', './server', 'couchdb-design imports neither server nor client'),
            zone('./couchdb-design', './client', 'couchdb-design imports neither server nor client'),
            zone('./server', './client', 'server and client never import each other'),
            zone('./client', './server', 'client may only take types from server/contract.ts', ['./contract.ts']),
            ...['preferences', 'user-document', 'zod-schema-checks', 'zod-standard-schema'].map((name) =>
              zone('./client', `./couchdb-design/user-document/${name}.ts`, 'zod stays on the server'),
            ),
            zone('./client/platform', './client/sync', 'sync is above platform'),
            zone('./client/platform', './client/tabs', 'tabs is above platform'),
            zone('./client/store', './client/sync', 'sync is above the store'),
            ...['store', 'sync', 'tabs', 'platform'].map((name) =>
              zone(`./client/${name}`, './client/app', 'the app is above the library'),
            ),
            ...['couchdb-design', 'server', 'client'].map((name) =>
              zone(`./${name}`, './scripts', 'nothing imports scripts'),
            ),
          ],
        },
      ],
    },
  },
  {
    files: ['server/**/*.ts', 'client/**/*.{ts,tsx}', 'couchdb-design/**/*.ts'],
    ignores: ['**/*.test.{ts,tsx}', '**/testing/**'],
    rules: {
      'no-restricted-imports': [
        'error',
        { patterns: [{ regex: '(^|/)testing/', message: 'Product code must not import test code.' }] },
      ],
    },
  },
  {
    // The embedded engine's packages are optional dependencies.
    files: ['server/**/*.ts'],
    ignores: ['server/upstream/embedded/**', '**/*.test.ts', '**/testing/**'],
    rules: {
      '@typescript-eslint/no-restricted-imports': [
        'error',
        {
          patterns: [
            {
              regex: '/embedded/(?!load\\.ts|engine-process\\.ts)',
              allowTypeImports: true,
              message: 'Load the engine with upstream/embedded/load.ts, or start it with engine-process.ts.',
            },
          ],
        },
      ],
    },
  },
  {
    files: [...PUBLIC_FILES, ...PUBLIC_TYPE_FILES],
    plugins: { jsdoc },
    settings: { jsdoc: { mode: 'typescript' } },
    rules: {
      'jsdoc/require-jsdoc': [
        'error',
        {
          publicOnly: true,
          enableFixer: false,
          require: { FunctionDeclaration: true, ArrowFunctionExpression: true, ClassDeclaration: true },
          contexts: [
            'TSInterfaceDeclaration',
            'TSTypeAliasDeclaration',
            `TSInterfaceDeclaration[id.name=/^(${PUBLIC_INTERFACES.join('|')})$/] > TSInterfaceBody > TSPropertySignature`,
          ],
        },
      ],
      'jsdoc/require-description': ['error', { contexts: ['any'] }],
      'jsdoc/check-tag-names': 'error',
      'jsdoc/no-types': ['error', { contexts: ['any'] }],
      'jsdoc/check-param-names': ['error', { checkDestructured: false }],
    },
  },
  {
    files: PUBLIC_FILES,
    rules: {
      'jsdoc/require-jsdoc': [
        'error',
        {
          publicOnly: true,
          enableFixer: false,
          require: { FunctionDeclaration: true, ArrowFunctionExpression: true, ClassDeclaration: true },
          contexts: [
            'TSDeclareFunction',
            'TSInterfaceDeclaration',
            'TSTypeAliasDeclaration',
            'TSInterfaceBody > TSPropertySignature',
            'TSInterfaceBody > TSMethodSignature',
          ],
        },
      ],
      'jsdoc/require-param': ['error', { contexts: PUBLIC_FUNCTIONS, checkDestructured: false }],
      'jsdoc/require-param-description': ['error', { contexts: ['any'] }],
      'jsdoc/require-returns': ['error', { contexts: PUBLIC_FUNCTIONS }],
      'jsdoc/require-returns-description': ['error', { contexts: ['any'] }],
      'jsdoc/require-example': ['error', { contexts: PUBLIC_FUNCTIONS }],
      'jsdoc/require-throws-description': 'error',
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
    languageOptions: { globals: { process: 'readonly', console: 'readonly', setTimeout: 'readonly', URL: 'readonly' } },
  },
  {
    // It has its own tsconfig.json, with which CI compiles it in an empty project.
    ignores: ['docs/recipes/first-day/**'],
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
