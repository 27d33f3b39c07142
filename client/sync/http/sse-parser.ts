/** Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html), of a text that is still coming. */
export interface ServerSentEvent {
  readonly name: string;
  /** Undefined when the event names none. */
  readonly id: string | undefined;
  readonly data: string;
}

const EVENT_SEPARATOR = /\r\n\r\n|\n\n|\r\r/g;

function parseEvent(text: string): ServerSentEvent | undefined {
  let [name, id, data]: [string, string | undefined, string | undefined] = ['message', undefined, undefined];
  for (const line of text.split(/\r\n|\n|\r/)) {
    // Not by a dot: that takes U+2028 for a line's end, and a value may have it.
    const [, field = '', value = ''] = /^([^:]+)(?:: ?([^]*))?$/.exec(line) ?? [];
    if (field === 'event') name = value;
    if (field === 'id') id = value;
    if (field === 'data') data = data === undefined ? value : `${data}\n${value}`;
  }
  return data === undefined ? undefined : { name, id, data };
}

/** A reader to be called with the whole text as far as it has come: gives each event once. */
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
