import type { AttackContext } from '../context.ts';
import type { AttackEntry } from '../entry.ts';
import type { Probe } from '../probe.ts';

/** How many connections are open at once, because each waits for what may still come. */
const PARALLEL = 6;

/** Bytes for which two servers may disagree where a request ends. */
interface Framing {
  readonly description: string;
  readonly head: readonly string[];
  readonly body: string;
}

/** Returns requests whose body contains `smuggled`, a whole request. */
function framings(smuggled: string): readonly Framing[] {
  const inChunks = `${smuggled.length.toString(16)}\r\n${smuggled}\r\n0\r\n\r\n`;
  const length = `Content-Length: ${smuggled.length + 5}`;
  return [
    {
      description: 'a length and chunked encoding',
      head: [length, 'Transfer-Encoding: chunked'],
      body: `0\r\n\r\n${smuggled}`,
    },
    {
      description: 'chunked encoding and a length',
      head: ['Transfer-Encoding: chunked', length],
      body: `0\r\n\r\n${smuggled}`,
    },
    {
      description: 'a short length and chunked encoding',
      head: ['Content-Length: 4', 'Transfer-Encoding: chunked'],
      body: inChunks,
    },
    {
      description: 'two lengths',
      head: ['Content-Length: 2', `Content-Length: ${2 + smuggled.length}`],
      body: `{}${smuggled}`,
    },
    { description: 'two lengths in one line', head: ['Content-Length: 2, 2'], body: `{}${smuggled}` },
    { description: 'a signed length', head: ['Content-Length: +2'], body: `{}${smuggled}` },
    { description: 'a length in hexadecimal', head: ['Content-Length: 0x2'], body: `{}${smuggled}` },
    { description: 'an unknown transfer coding', head: ['Transfer-Encoding: xchunked'], body: `0\r\n\r\n${smuggled}` },
    {
      description: 'two transfer codings',
      head: ['Transfer-Encoding: chunked, identity'],
      body: `0\r\n\r\n${smuggled}`,
    },
    {
      description: 'a space before the colon',
      head: ['Transfer-Encoding : chunked', length],
      body: `0\r\n\r\n${smuggled}`,
    },
    {
      description: 'a folded transfer coding',
      head: ['Transfer-Encoding:\tx', ' chunked', length],
      body: `0\r\n\r\n${smuggled}`,
    },
    {
      description: 'a chunk length that overflows',
      head: ['Transfer-Encoding: chunked'],
      body: `fffffffffffffffff\r\n${smuggled}`,
    },
    { description: 'a negative chunk length', head: ['Transfer-Encoding: chunked'], body: `-1\r\n${smuggled}` },
    {
      description: 'a chunk extension with a line break',
      head: ['Transfer-Encoding: chunked'],
      body: `2;x="\r\n\r\n${smuggled}"\r\n{}\r\n0\r\n\r\n`,
    },
  ];
}

/** Requests whose end is ambiguous. What is smuggled is only a read of user A's own document, so it harms none. */
export const FRAMING: readonly AttackEntry[] = [
  {
    group: 'framing',
    request: 'a request in a body of ambiguous length',
    expectation: 'no response to the request in the body',
    async run(probe, context) {
      const smuggled = ownRead(context, 'Connection: close');
      const all = framings(smuggled).flatMap((framing) => [['POST', framing] as const, ['GET', framing] as const]);
      await inParallel(all, async ([method, framing]) => {
        const bytes = toBytes(context, method, framing);
        const responses = await probe.sendRaw(`${method} with ${framing.description}`, bytes);
        if (responses.some((response) => isOwnDocument(response.body, context)))
          probe.report(`${method} with ${framing.description}`, 'the body was answered as a request');
      });
    },
  },
  {
    group: 'framing',
    request: 'requests of both users on one connection',
    expectation: 'each is answered for its own token',
    run: (probe, context) => pipelined(probe, context),
  },
];

function toBytes({ path, target, attacker }: AttackContext, method: string, { head, body }: Framing): string {
  const lines = [
    `${method} ${path}/_bulk_get HTTP/1.1`,
    `Host: ${target.host}`,
    `Authorization: ${attacker.authorization}`,
    'Content-Type: application/json',
    ...head,
  ];
  return `${lines.join('\r\n')}\r\n\r\n${body}`;
}

const ownRead = ({ path, target, names, attacker }: AttackContext, ...head: string[]): string =>
  [
    `GET ${path}/${encodeURIComponent(names.own.id)} HTTP/1.1`,
    `Host: ${target.host}`,
    `Authorization: ${attacker.authorization}`,
    ...head,
    '',
    '',
  ].join('\r\n');

const isOwnDocument = (body: string, { names }: AttackContext): boolean =>
  body.includes(`"_id":${JSON.stringify(names.own.id)}`) && body.includes('"_rev"');

/** A proxy that shares connections, or a cache, may answer one user with the response to another. */
async function pipelined(
  probe: Probe,
  { client, path, target, names, attacker, victim, signal }: AttackContext,
): Promise<void> {
  const request = (id: string, authorization: string, ...head: string[]): string =>
    [
      `GET ${path}/${encodeURIComponent(id)} HTTP/1.1`,
      `Host: ${target.host}`,
      `Authorization: ${authorization}`,
      ...head,
      '',
      '',
    ].join('\r\n');
  const bytes =
    request(names.other.id, victim.authorization) +
    request(names.other.id, attacker.authorization) +
    request(names.own.id, victim.authorization) +
    request(names.own.id, attacker.authorization, 'Connection: close');
  const responses = await client.sendRaw(bytes, signal);
  probe.note(`${responses.length} responses`);
  const secretsOf = [victim, attacker, victim, attacker].map((user, index) => ({ user, index }));
  for (const { user, index } of secretsOf) {
    const response = responses[index];
    if (response === undefined) continue;
    const others = user === victim ? attacker : victim;
    if (others.secrets.some((secret) => response.body.includes(secret)))
      probe.report(
        `GET number ${index + 1} of a pipeline`,
        `reveals the document of user ${others.label} to user ${user.label}`,
      );
  }
}

async function inParallel<T>(items: readonly T[], run: (item: T) => Promise<void>): Promise<void> {
  const remaining = items.values();
  const worker = async (): Promise<void> => {
    for (const item of remaining) await run(item);
  };
  await Promise.all(Array.from({ length: PARALLEL }, worker));
}
