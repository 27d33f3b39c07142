import { fileURLToPath } from 'node:url';
import type { UserConfig } from 'vite';
import { precache } from './build/precache.ts';

const resolvePath = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

export default {
  root: resolvePath('app'),
  publicDir: resolvePath('app/public'),
  plugins: [precache({ publicDirectory: resolvePath('app/public') })],
  build: {
    outDir: resolvePath('../dist/client'),
    emptyOutDir: true,
    target: 'es2023',
    // light-dark() as it is: what older browsers would be given in its place knows one theme for a whole page only.
    cssTarget: ['chrome123', 'firefox120', 'safari17.5'],
    // `default-src 'self'` lets no data: URL through.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      input: { page: resolvePath('app/index.html'), 'service-worker': resolvePath('app/service-worker.ts') },
      output: {
        // A service worker's URL is its name: it must stay the same from one build to the next.
        entryFileNames: ({ name }) => (name === 'service-worker' ? '[name].js' : 'assets/[name]-[hash].js'),
      },
    },
  },
} satisfies UserConfig;
