import type { IncomingMessage } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { Fault, ChunkTransform } from './faulty-database-proxy.ts';

/** Selects the requests that a fault affects. */
export type RequestFilter = (request: IncomingMessage) => boolean;

const anyRequest: RequestFilter = () => true;

/** Selects the continuous feed of a database. */
export const isFeedRequest =
  (database: string): RequestFilter =>
  ({ url = '' }) =>
    url.startsWith(`/${database}/_changes?`) && url.includes('feed=continuous');

/** Selects the gate's reads of leaves. */
export const isLeafRead: RequestFilter = ({ url = '' }) => url.includes('filter=_doc_ids');

/** Accepts requests and never responds to them, not even after the fault has ended. */
export const neverRespond =
  (isAffected: RequestFilter = anyRequest): Fault =>
  (request) => {
    if (!isAffected(request)) return false;
    request.resume();
    return true;
  };

/** Delays each response by this time, in ms. */
export const delayResponse =
  (ms: number): Fault =>
  async () => {
    await delay(ms);
    return false;
  };

/** Sends a 200 response with the start of a body, and never ends it. */
export const sendUnfinishedBody =
  (
    text: string,
    isAffected: RequestFilter,
    headers: Record<string, string> = { 'content-type': 'application/json' },
  ): Fault =>
  (request, response) => {
    if (!isAffected(request)) return false;
    response.writeHead(200, headers);
    response.write(text);
    return true;
  };

/** Passes nothing on, on open connections as well. */
export const stalled: ChunkTransform = async function* () {
  await new Promise(() => undefined);
  yield Buffer.alloc(0);
};

/** Cuts a response off within its first multi-byte character. */
export const breakInsideCharacter = (isAffected: RequestFilter): ChunkTransform =>
  async function* (chunk, request) {
    const index = chunk.findIndex((byte) => byte >= 0xc0);
    if (index === -1 || !isAffected(request)) {
      yield chunk;
      return;
    }
    yield chunk.subarray(0, index + 1);
    // The written bytes must be sent before the connection is closed.
    await new Promise((resolve) => setImmediate(resolve));
    throw new Error('cut');
  };

/** Passes on one byte at a time, with a delay of `ms` after each. */
export const sendByteByByte = (ms: number): ChunkTransform =>
  async function* (chunk) {
    for (let index = 0; index < chunk.length; index += 1) {
      yield chunk.subarray(index, index + 1);
      if (ms > 0) await delay(ms);
    }
  };
