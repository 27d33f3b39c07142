/** The API's description in OpenAPI 3.1 (https://spec.openapis.org/oas/v3.1.1), made from the schemas that the server validates by. */
import { STATUS_CODES } from 'node:http';
import { z } from 'zod';
import { preferencesPatchSchema, preferencesSchema } from '../../couchdb-design/user-document/preferences.ts';
import {
  credentialsSchema,
  errorSchema,
  problemSchema,
  profileSchema,
  sessionListSchema,
  sessionSchema,
  signInOptionsSchema,
  signInSchema,
  telegramChatsSchema,
  telegramLinkSchema,
  userPreferencesSchema,
} from '../contract.ts';
import { OPERATIONS, PREFERENCE_NAMES, type Operation } from './operations.ts';

const SCHEMAS: Readonly<Record<string, z.ZodType>> = {
  Credentials: credentialsSchema,
  SignIn: signInSchema,
  Session: sessionSchema,
  SessionList: sessionListSchema,
  SignInOptions: signInOptionsSchema,
  Preferences: userPreferencesSchema,
  PreferencesPatch: preferencesPatchSchema,
  Profile: profileSchema,
  TelegramLink: telegramLinkSchema,
  TelegramChats: telegramChatsSchema,
  Error: errorSchema,
  Problem: problemSchema,
};

/** Converts a schema, without `$schema`: OpenAPI 3.1 defines the dialect. */
const jsonSchema = (schema: z.ZodType): object => ({ ...z.toJSONSchema(schema, { io: 'input' }), $schema: undefined });

const schemaReference = (name: string): object => ({ $ref: `#/components/schemas/${name}` });

const schemaOf = (schema: z.ZodType | 'one preference' | 'events'): object => {
  if (schema === 'events') return { type: 'string' };
  if (schema === 'one preference') return schemaReference('Preference');
  const name = Object.keys(SCHEMAS).find((each) => SCHEMAS[each] === schema);
  if (name === undefined) throw new TypeError('An operation uses a schema that is missing from SCHEMAS.');
  return schemaReference(name);
};

const contentOf = (types: readonly string[], schema: object): object =>
  Object.fromEntries(types.map((type) => [type, { schema }]));

const usesProblemDetails = ({ path }: Operation): boolean => path.startsWith('/api/users/');

/** The headers of every response. It has `traceparent` only if the request has one. */
const RESPONSE_HEADERS = {
  'X-Request-Id': { $ref: '#/components/headers/RequestId' },
  traceparent: { $ref: '#/components/headers/Traceparent' },
} as const;
const ETAG_HEADER = { description: 'Identifies the state of the preferences.', schema: { type: 'string' } } as const;

const REQUEST_ID = {
  description:
    'Identifies the request in the log of the server. A request may send one of 1 to 128 letters, digits and the characters `._:/+=-`; otherwise the server generates it.',
  schema: { type: 'string' },
} as const;
const TRACEPARENT = {
  description:
    'The span of the request in a trace (W3C Trace Context). The response to a request with a valid one has that of the server.',
  schema: { type: 'string' },
} as const;

function otherResponse(operation: Operation, status: number): object {
  const description = STATUS_CODES[status] ?? String(status);
  if (status < 400) return { description, headers: RESPONSE_HEADERS };
  return {
    description,
    headers: RESPONSE_HEADERS,
    content: usesProblemDetails(operation)
      ? contentOf(['application/problem+json'], schemaReference('Problem'))
      : contentOf(['application/json'], schemaReference('Error')),
  };
}

function successResponse({ response, hasEtag }: Operation): object {
  const type = response.schema === 'events' ? 'text/event-stream' : 'application/json';
  return {
    description: response.description,
    headers: hasEtag === true ? { ...RESPONSE_HEADERS, ETag: ETAG_HEADER } : RESPONSE_HEADERS,
    ...(response.schema === undefined ? {} : { content: contentOf([type], schemaOf(response.schema)) }),
  };
}

const SECURITY = {
  token: [{ accessToken: [] }],
  cookie: [{ session: [] }],
  'token or cookie': [{ accessToken: [] }, { session: [] }],
  none: [],
} as const;

/** The optional parameters of every operation. */
const ID_PARAMETERS = ['RequestId', 'Traceparent'].map((name) => ({ $ref: `#/components/parameters/${name}` }));

function parametersOf({ path, requestHeaders = [], queryParameters = {} }: Operation): object[] {
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: name === 'name' ? { type: 'string', enum: PREFERENCE_NAMES } : { type: 'string' },
  }));
  const headers = requestHeaders.map((name) => ({ name, in: 'header', schema: { type: 'string' } }));
  const inQuery = Object.entries(queryParameters).map(([name, description]) => ({
    name,
    in: 'query',
    description,
    schema: { type: 'integer' },
  }));
  return [...inPath, ...headers, ...inQuery, ...ID_PARAMETERS];
}

function describeOperation(operation: Operation): object {
  const { id, summary, security, body, otherStatuses } = operation;
  const statuses = [...otherStatuses, 502, 503];
  return {
    operationId: id,
    summary,
    security: SECURITY[security],
    parameters: parametersOf(operation),
    ...(body === undefined
      ? {}
      : { requestBody: { required: true, content: contentOf(body.types, schemaOf(body.schema)) } }),
    responses: {
      [operation.response.status]: successResponse(operation),
      ...Object.fromEntries(statuses.map((status) => [status, otherResponse(operation, status)])),
    },
  };
}

/** The version of the API, not of the program. */
const API_VERSION = '1.0.0';

/** Returns the OpenAPI document of all operations. */
export function openApiDocument(): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const operation of OPERATIONS) (paths[operation.path] ??= {})[operation.method] = describeOperation(operation);
  const values = Object.values(preferencesSchema.shape).map((schema) => jsonSchema(schema));
  return {
    openapi: '3.1.1',
    info: {
      title: 'Pouchgate',
      version: API_VERSION,
      description:
        'Sign-in, and REST access to a user’s preferences. The CouchDB replication protocol under `/sync` is not described here.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    paths,
    components: {
      schemas: {
        ...Object.fromEntries(Object.entries(SCHEMAS).map(([name, schema]) => [name, jsonSchema(schema)])),
        Preference: { description: 'The value of one preference. Its type depends on the name.', anyOf: values },
      },
      headers: { RequestId: REQUEST_ID, Traceparent: TRACEPARENT },
      parameters: {
        RequestId: { name: 'X-Request-Id', in: 'header', ...REQUEST_ID },
        Traceparent: { name: 'traceparent', in: 'header', ...TRACEPARENT },
      },
      securitySchemes: {
        accessToken: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
        session: {
          type: 'apiKey',
          in: 'cookie',
          name: 'pouchgate_refresh',
          description: 'Over https its name is `__Host-pouchgate_refresh`.',
        },
      },
    },
  };
}
