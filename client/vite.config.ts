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
    // Keeps light-dark(). Its fallback for older browsers supports only one theme for a whole page.
    cssTarget: ['chrome123', 'firefox120', 'safari17.5'],
    // The policy `default-src 'self'` blocks data: URLs.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      input: { page: resolvePath('app/index.html'), 'service-worker': resolvePath('app/service-worker.ts') },
      output: {
        // A service worker is identified by its URL, so its name must not change between builds.
        entryFileNames: ({ name }) => (name === 'service-worker' ? '[name].js' : 'assets/[name]-[hash].js'),
      },
    },
  },
} satisfies UserConfig;
