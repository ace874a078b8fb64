import { describe, it } from "vitest";
import type { Page, RegistryIndex, RepositoryView } from "../store/contract.ts";
import type { RegistryCall } from "./call.ts";
import { getCatalog } from "./lists.ts";

/** Repositories `a/0000`, `a/0001`, …, and what was asked of the index for one page of the catalog. */
async function catalog(query: string, listable: "all" | readonly string[], count: number) {
  const all = Array.from({ length: count }, (_, place) => `a/${String(place).padStart(4, "0")}`);
  const asked: number[] = [];
  const repositories: RegistryIndex["repositories"] = async ({ limit, last }): Promise<Page<RepositoryView>> => {
    asked.push(limit);
    const after = all.filter((name) => name > (last ?? ""));
    const items = after.slice(0, limit).map((name) => ({ name }) as RepositoryView);
    return { items, next: after.length > limit ? (items.at(-1)?.name ?? null) : null };
  };
  const url = new URL(`http://registry.test/v2/_catalog?${query}`);
  const response = await getCatalog({ url, index: { repositories }, access: { listable } } as unknown as RegistryCall);
  const { repositories: names } = await response.json<{ repositories: string[] }>();
  const next = /last=([^>&]+)/.exec(response.headers.get("link") ?? "")?.[1];
  return { names, next: next === undefined ? null : decodeURIComponent(next), asked };
}

describe("a page of the catalog", () => {
  it("is one question where all may be listed", async ({ expect }) => {
    expect(await catalog("n=2", "all", 5)).toEqual({ names: ["a/0000", "a/0001"], next: "a/0001", asked: [2] });
    expect(await catalog("n=5", "all", 5)).toMatchObject({ next: null, asked: [5] });
  });

  it("is few questions where few may be listed, and leaves out nothing", async ({ expect }) => {
    const few = ["a/0150", "a/0151", "a/0152", "a/0153"];
    const first = await catalog("n=2", few, 400);
    expect(first).toEqual({ names: ["a/0150", "a/0151"], next: "a/0151", asked: [100, 100] });
    const second = await catalog(`n=2&last=${first.next}`, few, 400);
    expect(second).toEqual({ names: ["a/0152", "a/0153"], next: "a/0251", asked: [100] });
    expect(await catalog(`n=2&last=${second.next}`, few, 400)).toMatchObject({ names: [], next: null });
  });

  it("ends after some questions, with a next page that goes on from there", async ({ expect }) => {
    const page = await catalog("n=1", ["a/1500"], 2_000);
    expect(page).toMatchObject({ names: [], next: "a/0999" });
    expect(page.asked.length).toBe(10);
    expect(await catalog(`n=1&last=${page.next}`, ["a/1500"], 2_000)).toMatchObject({ names: ["a/1500"] });
  });
});
