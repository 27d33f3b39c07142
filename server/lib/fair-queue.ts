import { LRUCache } from 'lru-cache';
import { LinkedList, type ListNode } from './linked-list.ts';

/** How far ahead of the current round a key's turn may be. A greater debt is forgiven. */
const MAX_ROUNDS = 2048;
/** In turns of all keys. A key that has waited longer has its turn before the others. */
const MAX_WAIT_TURNS = 1024;
/** One turn in this many is for such a key. The others stay in fair order. */
const AGED_TURN_INTERVAL = 8;
/** Keys without items whose cost is remembered. The keys charged least recently are forgotten first. */
const MAX_IDLE_KEYS = 10_000;

export interface FairQueueOptions {
  /** The cost that a key may cause in a round, in ms. A started item costs at least as much. */
  readonly quantumMs: number;
  /** The time in which a recent cost decays to 37 % (1/e), in ms. */
  readonly decayMs: number;
  /** Returns the current time, in ms. It never goes back. */
  readonly now: () => number;
}

interface KeyState<T> {
  readonly key: string;
  readonly items: LinkedList<QueuedItem<T>>;
  /** The node in the list of its round, while the key has items. */
  node: ListNode<KeyState<T>> | undefined;
  round: number;
  /** The node in the list of all keys with items. */
  ageNode: ListNode<KeyState<T>> | undefined;
  /** The number of turns before the key's last one, or before its first item. */
  lastTurn: number;
  /** The cost up to which the key is served, on the scale of all keys: its next item starts in the round of this cost. */
  position: number;
  /** The part of the last started item's cost that `shift` has counted, and `charge` must not count again. */
  prepaid: number;
  /** The sum of the charged costs, decayed until `chargedAt`. */
  recentCost: number;
  chargedAt: number;
}

/** An item in a queue. Only `FairQueue` reads and writes its members. */
export interface QueuedItem<T> {
  readonly item: T;
  readonly state: KeyState<T>;
  /** Undefined once the item has left the queue. */
  node: ListNode<QueuedItem<T>> | undefined;
}

/**
 * A queue that serves its keys (users, addresses) in fair order: deficit round robin, with costs that are known afterwards.
 * Each key has a position, which its costs advance. A round serves one item of every key whose position it has reached.
 *
 * - Keys that always have items cause equal cost in the long run, however many items each of them has queued.
 * - The items of one key keep their order.
 * - A key whose recent cost is higher waits longer, but at most 1,024 turns and eight for each key that waited before it.
 * - A key's debt decays while it has no items, and is remembered for a bounded number of keys.
 *
 * Every operation takes constant time, amortised: passing an empty round is paid for by the cost that skipped it.
 */
export class FairQueue<T> {
  readonly #options: FairQueueOptions;
  /** The keys with items. */
  readonly #active = new Map<string, KeyState<T>>();
  readonly #idle = new LRUCache<string, KeyState<T>>({ max: MAX_IDLE_KEYS });
  /** The active keys by round, modulo `MAX_ROUNDS`. */
  readonly #rounds: (LinkedList<KeyState<T>> | undefined)[] = [];
  #round = 0;
  /** The active keys, the one that has waited longest since its last turn first. */
  readonly #byAge = new LinkedList<KeyState<T>>();
  #turns = 0;
  #size = 0;

  /** @param options the quantum, the decay of costs, and the clock */
  constructor(options: FairQueueOptions) {
    this.#options = options;
  }

  /** The number of queued items. */
  get size(): number {
    return this.#size;
  }

  /** The number of keys with queued items. */
  get keyCount(): number {
    return this.#active.size;
  }

  /**
   * Appends an item to those of its key.
   *
   * @param key whose item it is
   * @param item the item
   * @returns the item's place, for `remove`
   */
  push(key: string, item: T): QueuedItem<T> {
    const state = this.#active.get(key) ?? this.#activate(key);
    const queued: QueuedItem<T> = { item, state, node: undefined };
    queued.node = state.items.push(queued);
    this.#size += 1;
    return queued;
  }

  /** Removes and returns the next item in fair order; undefined when the queue is empty. */
  shift(): T | undefined {
    return this.shiftWhere(() => true);
  }

  /**
   * Removes and returns the next item of a key that may start now. The other keys keep their turns.
   *
   * @param mayStart whether the key's next item may start; called with waiting keys in fair order
   * @returns the item; undefined when no item may start
   */
  shiftWhere(mayStart: (key: string) => boolean): T | undefined {
    if (this.#size === 0) return undefined;
    this.#skipEmptyRounds();
    const oldest = this.#byAge.first?.value;
    if (oldest !== undefined && this.#isOverdue(oldest) && mayStart(oldest.key)) return this.#start(oldest);
    for (let round = this.#round, left = this.#active.size; left > 0; round += 1) {
      for (let node = this.#rounds[round % MAX_ROUNDS]?.first; node !== undefined; node = node.next) {
        left -= 1;
        if (mayStart(node.value.key)) return this.#start(node.value);
      }
    }
    return undefined;
  }

  /**
   * Removes an item that has not started.
   *
   * @param queued the result of `push`
   * @returns false when the item has already left the queue
   */
  remove(queued: QueuedItem<T>): boolean {
    const { state, node } = queued;
    if (node === undefined) return false;
    this.#take(queued, node);
    if (state.items.size === 0) this.#deactivate(state);
    return true;
  }

  /**
   * Charges a cost to a key, before or after its items, or without any.
   *
   * @param key whose cost it is
   * @param costMs the cost, in ms of CPU or upstream time
   */
  charge(key: string, costMs: number): void {
    const active = this.#active.get(key);
    const state = active ?? this.#idle.get(key) ?? this.#newState(key);
    this.#decay(state);
    const prepaid = Math.min(state.prepaid, costMs);
    state.prepaid -= prepaid;
    state.recentCost += costMs;
    state.position += costMs - prepaid;
    if (active === undefined) this.#idle.set(key, state);
    else this.#enter(state, state.round);
  }

  /** Returns the cost that was charged to a key recently, in ms. */
  recentCost(key: string): number {
    const state = this.#active.get(key) ?? this.#idle.get(key);
    return state === undefined ? 0 : state.recentCost * this.#decayFactor(state);
  }

  /** The number of a key's queued items. */
  sizeOf(key: string): number {
    return this.#active.get(key)?.items.size ?? 0;
  }

  #newState(key: string): KeyState<T> {
    return {
      key,
      items: new LinkedList(),
      node: undefined,
      round: 0,
      ageNode: undefined,
      lastTurn: 0,
      position: 0,
      prepaid: 0,
      recentCost: 0,
      chargedAt: this.#options.now(),
    };
  }

  #activate(key: string): KeyState<T> {
    const state = this.#idle.get(key) ?? this.#newState(key);
    this.#idle.delete(key);
    this.#decay(state);
    this.#active.set(key, state);
    this.#enter(state, this.#round);
    this.#renew(state);
    return state;
  }

  #deactivate(state: KeyState<T>): void {
    this.#decay(state);
    this.#leave(state);
    if (state.ageNode !== undefined) this.#byAge.remove(state.ageNode);
    state.ageNode = undefined;
    this.#active.delete(state.key);
    this.#idle.set(state.key, state);
  }

  #start(state: KeyState<T>): T | undefined {
    const queued = state.items.first?.value;
    if (queued?.node === undefined) return undefined;
    this.#take(queued, queued.node);
    const { quantumMs } = this.#options;
    state.position = Math.max(state.position, this.#round * quantumMs) + quantumMs;
    state.prepaid = quantumMs;
    this.#turns += 1;
    if (state.items.size === 0) {
      this.#deactivate(state);
    } else {
      this.#enter(state, state.round + 1);
      this.#renew(state);
    }
    return queued.item;
  }

  #isOverdue({ lastTurn }: KeyState<T>): boolean {
    return this.#turns % AGED_TURN_INTERVAL === 0 && this.#turns - lastTurn > MAX_WAIT_TURNS;
  }

  /** Puts the key last in the order of age. */
  #renew(state: KeyState<T>): void {
    if (state.ageNode !== undefined) this.#byAge.remove(state.ageNode);
    state.ageNode = this.#byAge.push(state);
    state.lastTurn = this.#turns;
  }

  #take(queued: QueuedItem<T>, node: ListNode<QueuedItem<T>>): void {
    queued.state.items.remove(node);
    queued.node = undefined;
    this.#size -= 1;
  }

  /** Puts the key into the round of its position, from `earliest` to the last round that the list holds. */
  #enter(state: KeyState<T>, earliest: number): void {
    const lastRound = this.#round + MAX_ROUNDS - 1;
    const { quantumMs } = this.#options;
    state.position = Math.min(state.position, lastRound * quantumMs);
    const round = Math.min(Math.max(Math.floor(state.position / quantumMs), earliest), lastRound);
    // A key that stays in its round keeps its place.
    if (state.node !== undefined && round === state.round) return;
    this.#leave(state);
    state.round = round;
    state.node = (this.#rounds[round % MAX_ROUNDS] ??= new LinkedList()).push(state);
  }

  #leave(state: KeyState<T>): void {
    if (state.node !== undefined) this.#rounds[state.round % MAX_ROUNDS]?.remove(state.node);
    state.node = undefined;
  }

  #skipEmptyRounds(): void {
    while ((this.#rounds[this.#round % MAX_ROUNDS]?.size ?? 0) === 0) {
      this.#round += 1;
    }
  }

  /** Decays the key's recent cost, and its debt while it has no items. */
  #decay(state: KeyState<T>): void {
    const factor = this.#decayFactor(state);
    state.chargedAt = this.#options.now();
    state.recentCost *= factor;
    const current = this.#round * this.#options.quantumMs;
    const debt = Math.max(0, state.position - current);
    if (state.node === undefined) state.position = current + debt * factor;
  }

  #decayFactor({ chargedAt }: KeyState<T>): number {
    const { now, decayMs } = this.#options;
    return Math.exp((chargedAt - now()) / decayMs);
  }
}
