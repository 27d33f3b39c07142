/** Characters that embed, override or isolate a direction (UAX #9, 2). */
const DIRECTIONAL_CONTROLS = /[\u202a-\u202e\u2066-\u2069]/g;
const IS_ASCII = /^[\x20-\x7e]*$/;
const [FIRST_STRONG_ISOLATE, POP_DIRECTIONAL_ISOLATE] = ['\u2068', '\u2069'];

/**
 * Isolates stored text in a sentence, as `<bdi>` does in markup: a right-to-left text or an override in it does not reorder the rest
 * of the sentence. Plain text is returned unchanged.
 */
export const isolate = (text: string): string =>
  IS_ASCII.test(text) ? text : FIRST_STRONG_ISOLATE + text.replace(DIRECTIONAL_CONTROLS, '') + POP_DIRECTIONAL_ISOLATE;
