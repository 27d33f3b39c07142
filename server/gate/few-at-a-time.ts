import { atMost, type AtMost } from '../upstream/at-most.ts';

/** How much of one user's work is with the database at once; there are eight connections for all. */
const MOST = 3;

/** Lets each user's work through some at a time, so that one who asks for much keeps nobody else waiting. */
export class FewAtATime {
  readonly #users = new Map<string, { readonly run: AtMost; count: number }>();

  async run<T>(user: string, work: () => Promise<T>): Promise<T> {
    const mine = this.#users.get(user) ?? { run: atMost(MOST), count: 0 };
    this.#users.set(user, mine);
    mine.count += 1;
    try {
      return await mine.run(work);
    } finally {
      mine.count -= 1;
      if (mine.count === 0) this.#users.delete(user);
    }
  }
}
