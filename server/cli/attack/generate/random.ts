/** Returns a reproducible generator of numbers in [0, 1) (mulberry32, a public-domain algorithm). */
export function createSeededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Random choices from a number generator. */
export class RandomPicker {
  readonly #random: () => number;

  constructor(random: () => number) {
    this.#random = random;
  }

  chance = (probability: number): boolean => this.#random() < probability;
  integerBelow = (limit: number): number => Math.floor(this.#random() * limit);
  pick = <T>(items: readonly T[]): T => {
    const item = items[this.integerBelow(items.length)];
    if (item === undefined) throw new Error('nothing to pick from');
    return item;
  };
  list = <T>(make: () => T, max: number): T[] => Array.from({ length: this.integerBelow(max + 1) }, make);
}
