import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { newUserDocument, parseUsername, type Username } from '../../couchdb-design/user-document/user-document.ts';
import type { Session, TelegramLink } from '../contract.ts';
import { startTestGate, type TestGate } from '../testing/test-gate.ts';
import { startFakeTelegramApi, type FakeTelegramApi } from '../testing/fake-telegram-api.ts';
import { openApiDocument } from './document.ts';
import { OPERATIONS, type Operation } from './operations.ts';

/** Calls every operation by its id, and checks that each response matches the description. */

let gate: TestGate;
let bot: FakeTelegramApi;
beforeAll(async () => {
  bot = await startFakeTelegramApi();
  const env = { TELEGRAM_BOT_TOKEN: bot.token, TELEGRAM_API_ROOT: bot.apiRoot() };
  gate = await startTestGate({ REGISTRATION: 'open', ...env });
  await bot.waitForCall(({ method }) => method === 'getUpdates');
});
afterAll(async () => {
  await gate.close();
  await bot.close();
});

const openApi = JSON.parse(JSON.stringify(openApiDocument())) as {
  paths: Record<string, Record<string, { responses: Record<string, { content?: Record<string, unknown> }> }>>;
};
const ajv = new Ajv2020({ strict: false, allErrors: true, unicodeRegExp: true });
addFormats.default(ajv);
ajv.addSchema(openApi, 'openapi.json');

const escaped = (part: string): string => part.replaceAll('~', '~0').replaceAll('/', '~1');
function validatorOf({ path, method }: Operation, status: number, type: string): ValidateFunction {
  const parts = ['paths', path, method, 'responses', String(status), 'content', type, 'schema'];
  return ajv.compile({ $ref: `openapi.json#/${parts.map(escaped).map(encodeURIComponent).join('/')}` });
}

interface CallOptions {
  readonly as?: string;
  readonly cookie?: string;
  readonly parameter?: string;
  readonly query?: string;
  readonly body?: unknown;
  readonly text?: string;
  readonly headers?: Record<string, string>;
}

/** The responses that were received, as `operation status`. */
const seenResponses = new Set<string>();

async function call(
  id: string,
  status: number,
  { as, cookie, parameter, query = '', body, text, headers }: CallOptions = {},
) {
  const operation = OPERATIONS.find((each) => each.id === id);
  if (operation === undefined) throw new Error(`There is no operation ${id}.`);
  const sent = text ?? (body === undefined ? undefined : JSON.stringify(body));
  const response = await fetch(`${gate.url}${operation.path.replace(/\{\w+\}/, parameter ?? '')}${query}`, {
    method: operation.method.toUpperCase(),
    headers: {
      ...(as === undefined ? {} : { authorization: `Bearer ${as}` }),
      ...(cookie === undefined ? {} : { cookie }),
      ...(sent === undefined ? {} : { 'content-type': operation.body?.types[0] ?? 'application/json' }),
      ...headers,
    },
    ...(sent === undefined ? {} : { body: sent }),
  });
  const type = response.headers.get('content-type') ?? undefined;
  // A stream does not end.
  const responseText = type === 'text/event-stream' ? undefined : await response.text();
  if (responseText === undefined) await response.body?.cancel();
  expect([id, response.status, responseText]).toEqual([id, status, responseText]);
  const declared = openApi.paths[operation.path]?.[operation.method]?.responses[String(status)];
  expect([id, status, Object.keys(declared?.content ?? {})]).toEqual([id, status, type === undefined ? [] : [type]]);
  if (type?.endsWith('json') === true) {
    const isValid = validatorOf(operation, status, type);
    isValid(JSON.parse(responseText ?? ''));
    expect([id, status, isValid.errors]).toEqual([id, status, null]);
  }
  if (operation.hasEtag === true && status < 400) expect(response.headers.get('etag')).toMatch(/^"\d+-[0-9a-f]{32}"$/);
  seenResponses.add(`${id} ${status}`);
  return {
    body: responseText === undefined || responseText === '' ? undefined : (JSON.parse(responseText) as unknown),
    response,
  };
}

const PASSWORD = 'a password for tests';
let userCount = 0;
const newUser = (): string => gate.upstream.accountName(`openapi${(userCount += 1)}`);

async function register() {
  const username = newUser();
  const { body, response } = await call('register', 201, { body: { username, password: PASSWORD } });
  const cookie = (response.headers.get('set-cookie') ?? '').split(';', 1)[0] ?? '';
  return { cookie, ...(body as Session) };
}

test('the description is valid OpenAPI 3.1, and is served without authentication', async () => {
  const result = await new Validator().validate({ ...openApiDocument() });
  expect(result.errors).toBeUndefined();
  expect(result.valid).toBe(true);
  const response = await fetch(`${gate.url}/api/openapi.json`);
  expect(await response.json()).toEqual(openApi);
});

test('each path allows exactly the methods that are described', async () => {
  const token = gate.token(newUser());
  for (const path of new Set(OPERATIONS.map((each) => each.path))) {
    const response = await fetch(`${gate.url}${path.replace('{name}', 'theme').replace('{id}', 'x')}`, {
      method: 'PROPFIND',
      headers: { authorization: `Bearer ${token}` },
    });
    const methods = OPERATIONS.filter((each) => each.path === path).map(({ method }) => method.toUpperCase());
    const allowed = (response.headers.get('allow') ?? '').split(',').filter((method) => method !== 'HEAD');
    expect([path, response.status, allowed.sort()]).toEqual([path, 405, methods.sort()]);
  }
});

test('sign-in responds as described', async () => {
  await call('signInOptions', 200);
  const { username, accessToken, cookie, sessionId } = await register();
  const credentials = { username, password: PASSWORD };
  await call('register', 409, { body: credentials });
  await call('register', 400, { body: { username: 'NO', password: PASSWORD } });
  for (const id of ['register', 'signIn']) {
    await call(id, 400, { text: '{' });
    await call(id, 413, { body: { username, password: 'x'.repeat(20_000) } });
    await call(id, 415, { text: 'x', headers: { 'content-type': 'text/plain' } });
  }
  await call('signIn', 401, { body: { username, password: 'not this one' } });
  const { body, response } = await call('signIn', 200, { body: credentials });
  const other = (response.headers.get('set-cookie') ?? '').split(';', 1)[0] ?? '';
  await call('refresh', 401);
  await call('refresh', 200, { cookie: other });
  const crossSite = { 'sec-fetch-site': 'cross-site' };
  await call('refresh', 403, { cookie, headers: crossSite });
  await call('signOut', 403, { cookie, headers: crossSite });
  await call('listSessions', 401);
  await call('listSessions', 200, { as: accessToken });
  await call('endSession', 401, { parameter: 'x' });
  await call('endSession', 404, { as: accessToken, parameter: 'x' });
  await call('endSession', 204, { as: accessToken, parameter: (body as Session).sessionId });
  expect((body as Session).sessionId).not.toBe(sessionId);
  await call('endOtherSessions', 401);
  await call('endOtherSessions', 204, { as: accessToken });
  await call('signOut', 401, { cookie: `${cookie}; ${cookie}` });
  await call('signOut', 204, { cookie });
  await gate.pouchgate.identity.accounts.suspend(parseUsername(username) as Username);
  await call('signIn', 403, { body: credentials });
  const closed = await startTestGate({ REGISTRATION: 'closed' });
  const open = gate;
  gate = closed;
  await call('register', 403, { body: credentials }).finally(() => {
    gate = open;
    return closed.close();
  });
});

const PREFERENCE_OPERATIONS = OPERATIONS.filter(({ path }) => /^\/api\/users\/pr/.test(path));
/** A valid body for the operations that need one. */
const bodyFor = (id: string): CallOptions =>
  ({ patchPreferences: { body: { theme: 'dark' } }, putPreference: { body: 'dark' } })[id] ?? {};

test('the preferences respond as described', async () => {
  const as = gate.token(newUser());
  const parameter = 'theme';
  const { response } = await call('patchPreferences', 200, { as, body: { theme: 'dark', selectedTags: ['a'] } });
  const tag = response.headers.get('etag') ?? '';
  await call('putPreference', 200, { as, parameter, body: 'light' });
  for (const id of ['profile', 'preferences', 'preference', 'streamPreferences'])
    await call(id, 200, { as, parameter });
  for (const id of ['profile', 'preferences', 'preference']) {
    await call(id, 304, { as, parameter, headers: { 'if-none-match': '*' } });
  }
  for (const id of ['patchPreferences', 'putPreference', 'deletePreference']) {
    await call(id, 412, { as, parameter, headers: { 'if-match': tag }, ...bodyFor(id) });
  }
  for (const id of ['patchPreferences', 'putPreference']) {
    await call(id, 400, { as, parameter, text: '{' });
    await call(id, 413, { as, parameter, body: 'x'.repeat(120_000) });
    await call(id, 415, { as, parameter, text: '{}', headers: { 'content-type': 'text/plain' } });
  }
  await call('patchPreferences', 422, { as, body: { theme: 'pink' } });
  await call('putPreference', 422, { as, parameter, body: 'pink' });
  for (const id of ['preference', 'putPreference', 'deletePreference']) {
    await call(id, 404, { as, parameter: 'nothing', ...bodyFor(id) });
  }
  await call('deletePreference', 200, { as, parameter });
  const { cookie } = await register();
  await call('streamPreferences', 200, { cookie });
  await call('streamPreferences', 403, { cookie, headers: { 'sec-fetch-site': 'cross-site' } });
  await call('streamPreferences', 400, { as, query: '?timeout=soon' });
});

test('the Telegram operations respond as described, and are 404 without a bot', async () => {
  const as = gate.token(newUser());
  const { body } = await call('linkTelegram', 201, { as });
  const person = bot.createPerson('Ada');
  await person.sendMessage(`/start ${(body as TelegramLink).code}`);
  await call('telegramChats', 200, { as });
  const parameter = String(person.id);
  await call('unlinkTelegram', 204, { as, parameter });
  const ids = ['linkTelegram', 'telegramChats', 'unlinkTelegram'];
  for (const id of ids) await call(id, 401, { parameter });
  await call('unlinkTelegram', 404, { as, parameter });
  const gateWithoutBot = await startTestGate();
  const gateWithBot = gate;
  gate = gateWithoutBot;
  for (const id of ids) await call(id, 404, { as: gateWithoutBot.token('ada'), parameter });
  gate = gateWithBot;
  await gateWithoutBot.close();
});

test('401 and 409 are sent as described', async () => {
  const newer = newUser();
  const document = { ...newUserDocument(parseUsername(newer) as Username, new Date(0)), version: 2 };
  await gate.registry().insert(document);
  const parameter = 'theme';
  for (const { id } of PREFERENCE_OPERATIONS) {
    await call(id, 401, { parameter, ...bodyFor(id) });
    await call(id, 409, { as: gate.token(newer), parameter, ...bodyFor(id) });
  }
});

/** Statuses that need a failing database or many requests. Other tests cover them. */
const COVERED_ELSEWHERE = [429, 502, 503];

test('this file covers every described response', () => {
  const described = OPERATIONS.flatMap(({ id, response, otherStatuses }) =>
    [response.status, ...otherStatuses]
      .filter((status) => !COVERED_ELSEWHERE.includes(status))
      .map((status) => `${id} ${status}`),
  );
  expect([...seenResponses].sort()).toEqual(described.sort());
});
