import {
  newUserDocument,
  parseUsername,
  type Username,
} from '../../../../couchdb-design/user-document/user-document.ts';
import { problemSchema, userPreferencesSchema } from '../../../contract.ts';
import type { TestGate } from '../../../testing/test-gate.ts';

export interface RequestOptions {
  readonly method?: string;
  readonly body?: unknown;
  /** The body as text, instead of `body`. */
  readonly text?: string;
  readonly headers?: Record<string, string>;
}
export const JSON_TYPE = { 'content-type': 'application/json' };

/** Creates a client of the REST interface of a gate. */
export function createRestClient(gate: () => TestGate) {
  let userCount = 0;
  const request = (
    user: string,
    path: string,
    { method = 'GET', body, text, headers = {} }: RequestOptions = {},
  ): Promise<Response> => {
    const sent = text ?? (body === undefined ? undefined : JSON.stringify(body));
    return fetch(`${gate().url}/api/users${path}`, {
      method,
      headers: { authorization: `Bearer ${gate().token(user)}`, ...(sent === undefined ? {} : JSON_TYPE), ...headers },
      ...(sent === undefined ? {} : { body: sent }),
    });
  };
  return {
    newUser: (): string => `rest${(userCount += 1)}`,
    request,
    patch: (user: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> =>
      request(user, '/preferences', {
        method: 'PATCH',
        body,
        headers: { 'content-type': 'application/merge-patch+json', ...headers },
      }),
    /** Writes a document directly to the registry, as an administrator can. */
    insert: (user: string, members: object): Promise<unknown> => {
      const document = { ...newUserDocument(parseUsername(user) as Username, new Date(0)), ...members };
      return gate().registry().insert(document);
    },
    documentOf: async (user: string): Promise<Record<string, unknown>> => ({
      ...(await gate().registry().get(`user_${user}`, { conflicts: true })),
    }),
  };
}

export const expectPreferences = async (response: Response) => {
  expect(response.status).toBe(200);
  return userPreferencesSchema.parse(await response.json());
};

export const expectProblem = async (response: Response, status: number) => {
  expect(response.headers.get('content-type')).toBe('application/problem+json');
  expect(response.status).toBe(status);
  const body = problemSchema.parse(await response.json());
  expect(body.status).toBe(status);
  return body;
};
