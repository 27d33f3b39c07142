import fc from 'fast-check';
import { KeyedConcurrencyLimit } from './keyed-concurrency-limit.ts';

it("no more of a user's are under way at once than may be, in their order, whatever the others do; and all end", async () => {
  const users = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(users, fc.constantFrom(1, 3), fc.scheduler(), async (asked, most, scheduler) => {
      const few = new KeyedConcurrencyLimit(most);
      const underWay = new Map<string, number>();
      const begun: number[] = [];
      const results = asked.map((user, index) =>
        few.run(user, async () => {
          begun.push(index);
          underWay.set(user, (underWay.get(user) ?? 0) + 1);
          expect(underWay.get(user)).toBeLessThanOrEqual(most);
          await scheduler.schedule(Promise.resolve());
          underWay.set(user, (underWay.get(user) ?? 0) - 1);
          if (index % 5 === 0) throw new Error('no');
          return index;
        }),
      );
      const settled = Promise.allSettled(results);
      // As many as may are under way already, though nothing has ended.
      await scheduler.waitFor(settled);
      expect((await settled).map((each) => each.status === 'fulfilled')).toEqual(asked.map((_, n) => n % 5 !== 0));
      for (const user of new Set(asked)) {
        const mine = begun.filter((index) => asked[index] === user);
        expect(mine).toEqual([...mine].sort((one, other) => one - other));
      }
    }),
  );
});
