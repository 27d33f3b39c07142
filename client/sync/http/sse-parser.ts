/** Parses server-sent events from a growing text: https://html.spec.whatwg.org/multipage/server-sent-events.html */
export interface ServerSentEvent {
  readonly name: string;
  /** Undefined when the event has no id. */
  readonly id: string | undefined;
  readonly data: string;
}

const EVENT_SEPARATOR = /\r\n\r\n|\n\n|\r\r/g;
const LINE_SEPARATOR = /\r\n|\n|\r/;
/** `[^]` instead of `.`, which does not match U+2028. A value may contain it. */
const FIELD = /^([^:]+)(?:: ?([^]*))?$/;

/** Returns undefined for an event without data, which the specification does not dispatch. */
function parseEvent(text: string): ServerSentEvent | undefined {
  let name = 'message';
  let id: string | undefined;
  let data: string | undefined;
  for (const line of text.split(LINE_SEPARATOR)) {
    const [, field = '', value = ''] = FIELD.exec(line) ?? [];
    if (field === 'event') name = value;
    if (field === 'id') id = value;
    if (field === 'data') data = data === undefined ? value : `${data}\n${value}`;
  }
  return data === undefined ? undefined : { name, id, data };
}

/** Returns a parser to be called with the whole text received so far. It returns each event once. */
export function createSseParser(): (text: string) => readonly ServerSentEvent[] {
  let offset = 0;
  return (text) => {
    const events: ServerSentEvent[] = [];
    EVENT_SEPARATOR.lastIndex = offset;
    for (let end = EVENT_SEPARATOR.exec(text); end !== null; end = EVENT_SEPARATOR.exec(text)) {
      const event = parseEvent(text.slice(offset, end.index));
      if (event !== undefined) events.push(event);
      offset = EVENT_SEPARATOR.lastIndex;
    }
    return events;
  };
}
