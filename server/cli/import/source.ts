import type { JsonObject } from '../../lib/json.ts';

/** A document of the source. */
export interface SourceDocument {
  /** Where it is: its id, its file, or its line. */
  readonly name: string;
  /** Its live revisions, the winner first; or a sentence without its subject why it cannot be read. */
  readonly leaves: readonly [JsonObject, ...JsonObject[]] | string;
}

export interface Source {
  /** Rejects with an error for the operator when the source cannot be read further. */
  readonly documents: AsyncIterable<SourceDocument>;
  close(): Promise<void>;
}
