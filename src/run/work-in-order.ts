/**
 * Works on items, several at once, and yields the results in the order of the items. Work on the next items continues while a result is used.
 * After the first error nothing new is started, and work in progress is awaited.
 */
export async function* workInOrder<Item, Result>(
  items: Iterable<Item>,
  atOnce: number,
  work: (item: Item) => Promise<Result>,
): AsyncGenerator<Result> {
  const pending: Promise<Result>[] = [];
  try {
    for (const item of items) {
      const result = work(item);
      // Its error is thrown when its turn comes, which may be later.
      result.catch(() => undefined);
      pending.push(result);
      const [first] = pending;
      if (pending.length < atOnce || first === undefined) continue;
      yield await first;
      void pending.shift();
    }
    for (const result of pending) yield await result;
  } finally {
    await Promise.allSettled(pending);
  }
}
