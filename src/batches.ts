/** The platform gives a Worker six simultaneous outgoing connections: what is asked of many is asked of six at a time. */
const AT_ONCE = 6;

export async function inBatches<T, R>(items: readonly T[], perform: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let start = 0; start < items.length; start += AT_ONCE) {
    results.push(...(await Promise.all(items.slice(start, start + AT_ONCE).map(perform))));
  }
  return results;
}
