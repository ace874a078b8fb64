/** Pages of a list that changes while it is read. */
import { describe, it } from "vitest";
import { call, createApplication } from "./client.ts";

const COUNT = 1_000;
const AT_ONCE = 20;
const PER_PAGE = 37;

async function createMany(count: number): Promise<string[]> {
  const ids: string[] = [];
  while (ids.length < count) {
    const batch = Array.from({ length: Math.min(AT_ONCE, count - ids.length) }, () =>
      createApplication({ instances: 0 }),
    );
    ids.push(...(await Promise.all(batch)).map(({ id }) => id));
  }
  return ids;
}

describe("a list of 1,000 applications that is read while others come and go", () => {
  it("has each one that was there before and stays exactly once", { timeout: 120_000 }, async ({ expect }) => {
    const ids = await createMany(COUNT);
    // Every 25th goes while the pages are read.
    const leaving = ids.filter((_, index) => index % 25 === 0);
    const staying = ids.filter((_, index) => index % 25 !== 0);
    const seen: string[] = [];
    let token: string | undefined;
    let pages = 0;
    do {
      const query: string = token === undefined ? "" : `&page_token=${encodeURIComponent(token)}`;
      const { result, result_info: info, status } = await call("GET", `/applications?per_page=${PER_PAGE}${query}`);
      expect(status).toBe(200);
      seen.push(...result.map(({ id }: { id: string }) => id));
      token = info?.next_page_token;
      pages++;
      const gone = leaving.pop();
      await Promise.all([createMany(2), gone === undefined ? undefined : call("DELETE", `/applications/${gone}`)]);
    } while (token !== undefined);
    expect(pages).toBeGreaterThan(COUNT / PER_PAGE);
    const counts = new Map<string, number>();
    for (const id of seen) counts.set(id, (counts.get(id) ?? 0) + 1);
    expect(staying.filter((id) => counts.get(id) !== 1)).toEqual([]);
    expect([...counts.values()].every((count) => count === 1)).toBe(true);
    // Without a page size the list is whole, which clients that never page rely on.
    const { result, result_info: info } = await call("GET", "/applications");
    const whole = new Set(result.map(({ id }: { id: string }) => id));
    expect(staying.filter((id) => !whole.has(id))).toEqual([]);
    expect(info?.next_page_token).toBeUndefined();
  });
});
