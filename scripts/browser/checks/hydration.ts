/** Server-side rendering: the browser may have other values than the server has rendered. */
import { join } from 'node:path';
import { createElement } from 'react';
import { renderToString } from 'react-dom/server';
import { build } from 'vite';
import { createPreferencesStore } from '../../../client/index.ts';
import { expect, openTab, type Harness } from '../testing/harness.ts';
import { HydrationPage } from '../testing/hydration-page.tsx';

/** Returns a script that defines `hydrate`, with React's warnings. */
async function bundle(): Promise<string> {
  const entry = join(import.meta.dirname, '../testing/hydration-entry.tsx');
  const result = await build({
    configFile: false,
    logLevel: 'silent',
    define: { 'process.env.NODE_ENV': '"development"' },
    build: { write: false, target: 'es2023', lib: { entry, formats: ['iife'], name: 'hydration' } },
  });
  const outputs = [result].flat().flatMap((output) => ('output' in output ? output.output : []));
  return outputs.map((file) => (file.type === 'chunk' ? file.code : '')).join('\n');
}

/** React reports no mismatch, and renders the values of the browser at once. */
export async function storedValuesHydrate({ browser, server }: Harness): Promise<string> {
  const options = { url: server.registryUrl, username: 'hydrated', getToken: () => Promise.resolve(undefined) };
  const html = renderToString(createElement(HydrationPage, { store: createPreferencesStore(options) }));
  expect(html === '<p>system kanban starting</p>', `the server rendered ${html}`);
  const context = await browser.newContext({ bypassCSP: true });
  const { page, errors } = await openTab(context, server.url);
  await page.evaluate((text) => (document.body.innerHTML = `<div id="hydrated">${text}</div>`), html);
  await page.addScriptTag({ content: await bundle() });
  const reported = await page.evaluate(() =>
    (Reflect.get(globalThis, 'hydrate') as () => Promise<readonly string[]>)(),
  );
  const problems = [...reported, ...errors.filter((text) => text.includes('ydrat'))];
  expect(problems.length === 0, problems.join('\n'));
  await context.close();
  return html;
}
