import { describe, it } from "vitest";
import { createClient } from "../../src/sdk/client/index.ts";
import { apiOver } from "../api.ts";
import type { Io } from "../io.ts";
import { tellDenials, type DenialFlags } from "./egress.ts";

const denial = (host: string, count: number) => ({
  instance: "0123456789abcdef",
  host,
  method: "GET",
  reason: "not_allowed",
  rule: "allow",
  message: "egress.allow does not name it",
  count,
  first_at: "2026-01-01T00:00:00.000Z",
  last_at: "2026-01-02T00:00:00.000Z",
});

const there = { id: "fedcba9876543210", name: "ada" };

async function told(flags: DenialFlags, pages: readonly object[][]) {
  const said = { out: "", err: "", asked: [] as string[] };
  const io: Io = {
    env: {},
    cwd: "/",
    out: (text) => void (said.out += text),
    err: (text) => void (said.err += text),
    stdin: async () => "",
    now: () => 0,
    sleep: async () => undefined,
  };
  const reach = async ({ url }: Request) => {
    const { pathname, search, searchParams } = new URL(url);
    if (pathname.endsWith("/instances-v2")) {
      return Response.json({ success: true, errors: [], messages: [], result: [there] });
    }
    said.asked.push(search);
    const page = Number(searchParams.get("page_token") ?? 0);
    const info = page + 1 < pages.length ? { result_info: { next_page_token: String(page + 1) } } : {};
    return Response.json({ success: true, errors: [], messages: [], result: pages[page], ...info });
  };
  const api = apiOver(createClient({ baseUrl: "http://gantry.test", token: "t", fetch: reach }), io);
  return { code: await tellDenials(io, api, "web", flags), ...said };
}

describe("gantry egress log", () => {
  it("is a table of all pages, the latest first", async ({ expect }) => {
    const pages = [[denial("a.example.com", 12)], [denial("very.long.example.com", 1)]];
    const { code, out, asked } = await told({ host: "x", instance: "y" }, pages);
    expect(asked).toEqual(["?host=x&instance=y", "?host=x&instance=y&page_token=1"]);
    expect([code, out]).toEqual([
      0,
      [
        "LAST                      COUNT  INSTANCE  METHOD  HOST                   RULE   WHY",
        "2026-01-02T00:00:00.000Z  12     01234567  GET     a.example.com          allow  egress.allow does not name it",
        "2026-01-02T00:00:00.000Z  1      01234567  GET     very.long.example.com  allow  egress.allow does not name it",
        "",
      ].join("\n"),
    ]);
  });

  it("has an instance by its name, and is asked for by it", async ({ expect }) => {
    const { out, asked } = await told({ instance: "ada" }, [[{ ...denial("a.example.com", 1), instance: there.id }]]);
    expect(asked).toEqual([`?instance=${there.id}`]);
    expect(out).toContain("  ada       GET");
  });

  it("says of what there is none", async ({ expect }) => {
    const { out } = await told({ instance: "ada", host: "a.example.com" }, [[]]);
    expect(out).toBe("nothing was denied to web, instance ada, host a.example.com.\n");
  });

  it("is a line of JSON for each denial where that is asked for", async ({ expect }) => {
    const { out } = await told({ json: true }, [[denial("a.example.com", 1)]]);
    expect(JSON.parse(out)).toEqual(denial("a.example.com", 1));
  });
});
