import type { Readable } from 'node:stream';
import { LineSplitter } from '../upstream/feed/line-splitter.ts';

/** A line of a text file. The first one has the number 1. */
export interface TextLine {
  readonly number: number;
  /** Without the line break. */
  readonly text: string;
}

const BYTE_ORDER_MARK = '\ufeff';

/**
 * Reads UTF-8 line by line, whatever its size. Empty lines are left out, and the last one needs no line break.
 *
 * @throws If a line exceeds 16 MiB.
 */
export async function* readLines(stream: Readable): AsyncGenerator<TextLine> {
  let number = 0;
  for await (const line of splitLines(stream)) {
    number += 1;
    const text = (number === 1 && line.startsWith(BYTE_ORDER_MARK) ? line.slice(1) : line).replace(/\r$/, '');
    if (text.trim() !== '') yield { number, text };
  }
}

async function* splitLines(stream: Readable): AsyncGenerator<string> {
  const splitter = new LineSplitter();
  for await (const chunk of stream.setEncoding('utf8') as AsyncIterable<string>) yield* splitter.push(chunk);
  yield* splitter.push('\n');
}

/** Collects the items of a sequence into lists of at most `size`. */
export async function* inBatches<T>(items: AsyncIterable<T>, size: number): AsyncGenerator<T[]> {
  let batch: T[] = [];
  for await (const item of items) {
    batch.push(item);
    if (batch.length < size) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}
