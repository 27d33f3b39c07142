import type { IncomingMessage } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { Fault, ChunkTransform } from './faulty-database-proxy.ts';

/** Which requests a fault is about. */
export type RequestFilter = (request: IncomingMessage) => boolean;

const anyRequest: RequestFilter = () => true;

/** A continuous feed of a database. */
export const isFeedRequest =
  (database: string): RequestFilter =>
  ({ url = '' }) =>
    url.startsWith(`/${database}/_changes?`) && url.includes('feed=continuous');

/** A read of leaves, as the gate makes it for those who wait or ask. */
export const isLeafRead: RequestFilter = ({ url = '' }) => url.includes('filter=_doc_ids');

/** Accepts and says nothing, for ever: what is asked now is not answered when the fault is over either. */
export const neverRespond =
  (concerns: RequestFilter = anyRequest): Fault =>
  (request) => {
    if (!concerns(request)) return false;
    request.resume();
    return true;
  };

/** Answers only after so long, in ms. */
export const delayResponse =
  (ms: number): Fault =>
  async () => {
    await delay(ms);
    return false;
  };

/** Answers with 200 and a body, and does not end. */
export const sendUnfinishedBody =
  (
    text: string,
    concerns: RequestFilter,
    headers: Record<string, string> = { 'content-type': 'application/json' },
  ): Fault =>
  (request, response) => {
    if (!concerns(request)) return false;
    response.writeHead(200, headers);
    response.write(text);
    return true;
  };

/** Nothing passes any more on what is connected now. */
export const stalled: ChunkTransform = async function* () {
  await new Promise(() => undefined);
  yield Buffer.alloc(0);
};

/** Breaks feeds off in the middle of the first character that has more than one byte. */
export const breakInsideCharacter = (concerns: RequestFilter): ChunkTransform =>
  async function* (chunk, request) {
    const at = chunk.findIndex((byte) => byte >= 0xc0);
    if (at === -1 || !concerns(request)) {
      yield chunk;
      return;
    }
    yield chunk.subarray(0, at + 1);
    // What was written has to leave before the connection breaks.
    await new Promise((resolve) => setImmediate(resolve));
    throw new Error('cut');
  };

/** One byte at a time, and `ms` between two. */
export const sendByteByByte = (ms: number): ChunkTransform =>
  async function* (chunk) {
    for (let at = 0; at < chunk.length; at += 1) {
      yield chunk.subarray(at, at + 1);
      if (ms > 0) await delay(ms);
    }
  };
