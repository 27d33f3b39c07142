/** The policy of Trusted Types that the server's content security policy allows (server/app/http-app.ts). */
const POLICY_NAME = 'pouchgate';
const SERVICE_WORKER_URL = '/service-worker.js';

/** TypeScript's library does not declare Trusted Types yet. https://www.w3.org/TR/trusted-types/ */
interface TrustedTypePolicyFactory {
  createPolicy(name: string, rules: { createScriptURL(): string }): { createScriptURL(input: string): string };
}

/**
 * Returns the URL of the service worker: the only script that the page loads by a URL in its code. With Trusted Types the browser
 * rejects any other, and all text as HTML or script. Call it once: the browser rejects a second policy of the name.
 */
export function serviceWorkerUrl(): string {
  const { trustedTypes } = globalThis as { readonly trustedTypes?: TrustedTypePolicyFactory };
  const policy = trustedTypes?.createPolicy(POLICY_NAME, { createScriptURL: () => SERVICE_WORKER_URL });
  return policy?.createScriptURL(SERVICE_WORKER_URL) ?? SERVICE_WORKER_URL;
}
