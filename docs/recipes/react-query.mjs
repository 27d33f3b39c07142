// React Query: the preferences as a query that an event stream updates, and optimistic edits that overwrite no other edit.
import assert from 'node:assert/strict';
import { MutationObserver, QueryClient, QueryObserver } from '@tanstack/react-query';
import { createPreferencesStream } from '@pouchgate/client/stream';
import { startTestPouchgate } from 'pouchgate/testing';

const gate = await startTestPouchgate();
const token = gate.token('alice');
const preferencesUrl = `${gate.url}/api/users/preferences`;
const authorization = `Bearer ${token}`;

const queryClient = new QueryClient();
const queryKey = ['preferences'];

// In a component: useQuery(query), useMutation(mutation).
const query = {
  queryKey,
  queryFn: async () => (await (await fetch(preferencesUrl, { headers: { authorization } })).json()).preferences,
  staleTime: Infinity, // the stream updates it
};
const mutation = {
  mutationFn: async (patch) => {
    const headers = { authorization, 'content-type': 'application/merge-patch+json' };
    const response = await fetch(preferencesUrl, { method: 'PATCH', headers, body: JSON.stringify(patch) });
    const body = await response.json();
    if (!response.ok) throw new Error(body.detail);
    return body.preferences;
  },
  onMutate: (patch) => queryClient.setQueryData(queryKey, (current) => ({ ...current, ...patch })),
  onSuccess: (preferences) => queryClient.setQueryData(queryKey, preferences),
  onError: () => queryClient.invalidateQueries({ queryKey }),
};

// Once, when the application starts. Changes by a second tab, a phone or the bot then appear in the query.
const stream = createPreferencesStream({
  url: `${preferencesUrl}/stream`,
  username: 'alice',
  getToken: async () => token,
});
stream.subscribe(() => queryClient.setQueryData(queryKey, stream.get()));

const observer = new QueryObserver(queryClient, query);
const waitFor = (predicate) =>
  new Promise((resolve) => {
    const unsubscribe = observer.subscribe(({ data }) => {
      if (data === undefined || !predicate(data)) return;
      queueMicrotask(() => unsubscribe());
      resolve();
    });
    const { data } = observer.getCurrentResult();
    if (data !== undefined && predicate(data)) resolve();
  });
await waitFor(({ theme }) => theme === 'system');

const edited = await new MutationObserver(queryClient, mutation).mutate({ theme: 'dark' });
assert.equal(edited.theme, 'dark');
await waitFor(({ theme }) => theme === 'dark');
await assert.rejects(new MutationObserver(queryClient, mutation).mutate({ theme: 'pink' }));

// An edit by another device.
const received = waitFor(({ viewMode }) => viewMode === 'graph');
await fetch(`${preferencesUrl}/viewMode`, {
  method: 'PUT',
  headers: { authorization, 'content-type': 'application/json' },
  body: '"graph"',
});
await received;
assert.equal(queryClient.getQueryData(queryKey).theme, 'dark');

stream.close();
queryClient.clear();
await gate.close();
