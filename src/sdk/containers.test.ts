import { describe, it } from "vitest";
import { createContainers } from "./containers.ts";
import { defineContainer } from "./definition/define-container.ts";

const seen: string[] = [];
const binding = {
  async fetch(request: Request) {
    seen.push(new URL(request.url).pathname);
    return new Response("ok");
  },
};

describe("containers of a file", () => {
  it("are known by the name of their export, without their definitions", async ({ expect }) => {
    const containers = createContainers<{ imageResizer: { image: string } }>(binding);
    await containers.imageResizer.get("a").fetch("/x");
    expect(seen.at(-1)).toBe("/a/image-resizer/@a/x");
    expect(containers.imageResizer).toBe(containers.imageResizer);
  });

  it("may be awaited, printed and returned", async ({ expect }) => {
    const containers = createContainers<{ web: { image: string } }>(binding);
    expect(await Promise.resolve(containers)).toBe(containers);
    expect(JSON.stringify(containers)).toBe("{}");
    expect(String(Object.keys(containers))).toBe("");
  });

  it("have their own names where their definitions are given, and are those and no others", async ({ expect }) => {
    const module = { web: defineContainer({ image: "./", name: "my-web" }), helper: () => 1, LIMIT: 5 };
    const containers = createContainers(binding, module);
    await containers.web.any().fetch("/x");
    expect(seen.at(-1)).toBe("/a/my-web/x");
    expect(Object.keys(containers)).toEqual(["web"]);
  });
});
