/** A generator of numbers in [0, 1) that a seed gives again (mulberry32, a public-domain algorithm). */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Picks for a generator. */
export class Dice {
  readonly #random: () => number;

  constructor(random: () => number) {
    this.#random = random;
  }

  chance = (probability: number): boolean => this.#random() < probability;
  below = (limit: number): number => Math.floor(this.#random() * limit);
  of = <T>(items: readonly T[]): T => {
    const item = items[this.below(items.length)];
    if (item === undefined) throw new Error('nothing to pick from');
    return item;
  };
  several = <T>(make: () => T, most: number): T[] => Array.from({ length: this.below(most + 1) }, make);
}
