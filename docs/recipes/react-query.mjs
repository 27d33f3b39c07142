// React Query: the preferences as a query that a stream of events keeps fresh, and an edit that nobody else's is lost by.
import assert from 'node:assert/strict';
import { MutationObserver, QueryClient, QueryObserver } from '@tanstack/react-query';
import { createPreferencesStream } from 'pouchgate/client/stream';
import { startTestPouchgate } from 'pouchgate/testing';

const gate = await startTestPouchgate();
const token = gate.token('alice');
const preferences = `${gate.url}/api/users/preferences`;
const authorization = `Bearer ${token}`;

const queryClient = new QueryClient();
const queryKey = ['preferences'];

// In a component: useQuery(query), useMutation(mutation).
const query = {
  queryKey,
  queryFn: async () => (await (await fetch(preferences, { headers: { authorization } })).json()).preferences,
  staleTime: Infinity, // the stream says when it is not
};
const mutation = {
  mutationFn: async (patch) => {
    const headers = { authorization, 'content-type': 'application/merge-patch+json' };
    const response = await fetch(preferences, { method: 'PATCH', headers, body: JSON.stringify(patch) });
    const answer = await response.json();
    if (!response.ok) throw new Error(answer.detail);
    return answer.preferences;
  },
  onMutate: (patch) => queryClient.setQueryData(queryKey, (old) => ({ ...old, ...patch })),
  onSuccess: (whole) => queryClient.setQueryData(queryKey, whole),
  onError: () => queryClient.invalidateQueries({ queryKey }),
};

// Once, where the application starts. A second tab, a phone or a bot changes something: it is in the query.
const stream = createPreferencesStream({
  url: `${preferences}/stream`,
  username: 'alice',
  getToken: async () => token,
});
stream.subscribe(() => queryClient.setQueryData(queryKey, stream.get()));

const observer = new QueryObserver(queryClient, query);
const until = (holds) =>
  new Promise((resolve) => {
    const end = observer.subscribe(({ data }) => {
      if (data === undefined || !holds(data)) return;
      queueMicrotask(() => end());
      resolve();
    });
    const { data } = observer.getCurrentResult();
    if (data !== undefined && holds(data)) resolve();
  });
await until(({ theme }) => theme === 'system');

const edited = await new MutationObserver(queryClient, mutation).mutate({ theme: 'dark' });
assert.equal(edited.theme, 'dark');
await until(({ theme }) => theme === 'dark');
await assert.rejects(new MutationObserver(queryClient, mutation).mutate({ theme: 'pink' }));

// Another device.
const elsewhere = until(({ viewMode }) => viewMode === 'graph');
await fetch(`${preferences}/viewMode`, {
  method: 'PUT',
  headers: { authorization, 'content-type': 'application/json' },
  body: '"graph"',
});
await elsewhere;
assert.equal(queryClient.getQueryData(queryKey).theme, 'dark');

stream.close();
queryClient.clear();
await gate.close();
