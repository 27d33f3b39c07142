// The page: sign-in, one preference, and the state of its sync.
import { createPreferencesStore } from '@pouchgate/client';

const find = <E extends HTMLElement>(selector: string): E => {
  const element = document.querySelector<E>(selector);
  if (element === null) throw new Error(`${selector} is missing`);
  return element;
};
const signInForm = find<HTMLFormElement>('#sign-in');
const preferences = find('#preferences');

const post = (path: string, body: object = {}): Promise<Response> =>
  fetch(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });

let token: string | undefined;
/** Called before every request. `rejected` is the token that the server has just rejected, if any. */
async function getToken(rejected?: string): Promise<string | undefined> {
  if (token === undefined || token === rejected) {
    const response = await post('/sync-token'); // with the session's cookie
    if (response.status === 401) return undefined; // the state becomes `sign-in-needed`
    if (!response.ok) throw new Error(`/sync-token responded with ${response.status}`); // retried later
    ({ token } = (await response.json()) as { token: string });
  }
  return token;
}

function showPreferences(username: string): void {
  const store = createPreferencesStore({ url: `${location.origin}/prefs/sync/user_registry`, username, getToken });
  const theme = find<HTMLSelectElement>('#theme');
  const render = (): void => {
    const { state, unsent } = store.status();
    signInForm.hidden = state !== 'sign-in-needed';
    preferences.hidden = false;
    theme.value = store.get().theme;
    find('#status').textContent = unsent === 0 ? state : `${state}, ${unsent} unsent`;
  };
  theme.onchange = () => void store.set({ theme: theme.value as 'system' | 'light' | 'dark' });
  find('#sign-out').onclick = async () => {
    await store.signOut(); // sends unsent edits, and removes the user's data from this browser
    await post('/sign-out');
    localStorage.removeItem('username');
    location.reload();
  };
  store.subscribe(render);
  render();
  signInForm.onsubmit = (event) => void signIn(event, () => store.retry());
}

async function signIn(event: SubmitEvent, onSignedIn: (username: string) => void): Promise<void> {
  event.preventDefault();
  const { username, password } = Object.fromEntries(new FormData(signInForm)) as Record<string, string>;
  const response = await post('/sign-in', { username, password });
  if (!response.ok || username === undefined) {
    alert('The username or the password is wrong.');
    return;
  }
  localStorage.setItem('username', username); // so that the page also starts without a network
  signInForm.hidden = true;
  onSignedIn(username);
}

const username = localStorage.getItem('username');
if (username === null) {
  signInForm.hidden = false;
  signInForm.onsubmit = (event) => void signIn(event, showPreferences);
} else {
  showPreferences(username);
}
