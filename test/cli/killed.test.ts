/** An apply that was killed, at any request, and run again; and two at once. The end is that of one that was let be. */
import { afterAll, beforeAll, describe, it } from "vitest";
import { inBatches } from "../../src/batches.ts";
import { cuttingProxy, type Cut } from "./cutting-proxy.ts";
import { ENV, FIRST, SECOND } from "./manifests.ts";
import { gantry, newAccount, origin, startPlane, stopPlane, type Account } from "./plane.ts";

beforeAll(startPlane, 60_000);
afterAll(stopPlane);

const run = (account: Account, stdin: string, url: string, ...flags: string[]) =>
  gantry({ account, stdin, url, env: ENV }, "apply", "-f", "-", ...flags);

/** Everything of the account that an apply may touch, and how much there is of it. */
async function endOf(account: Account) {
  const all = await gantry({ account }, "export");
  const { result: owned } = await account.api.send("GET /owners");
  const deployments = await account.api.list("GET /deployments/v2");
  const applications = await account.api.list("GET /applications");
  const jobs = await account.api.list("GET /applications/{id}/jobs", { params: { id: "web" } });
  return {
    all: all.out,
    owned: owned.map(({ kind, name, owner }) => `${kind} ${name} ${owner}`),
    jobs: jobs.map(({ name }) => name),
    standalone: deployments.filter(({ app_id: of }) => of === undefined).length,
    applications: applications.map(({ name, version, generation }) => `${name} ${version} ${generation}`).toSorted(),
  };
}

async function killed(account: Account, manifest: string, cut: Cut, flags: string[] = []) {
  const proxy = await cuttingProxy(origin(), cut);
  try {
    const { code } = await run(account, manifest, proxy.url, "--no-wait", ...flags);
    return { code, count: proxy.count() };
  } finally {
    await proxy.close();
  }
}

/** Counts the requests of one that is not cut. */
const NEVER = { at: Number.POSITIVE_INFINITY, isHeard: true };
/** `GANTRY_CUTS=all` cuts at each write, and takes a minute or two. */
const EVERY = process.env["GANTRY_CUTS"] === "all" ? 1 : 3;
const isWrite = (method: string) => method !== "GET";
/** What was cut before a request has done the same as what was cut after the one before it. */
const cutsOf = (count: number) =>
  Array.from({ length: count }, (_, at): Cut => ({ at, isHeard: true, counts: isWrite })).filter(
    ({ at }) => at % EVERY === EVERY - 1,
  );

describe("an apply that is killed and run again", () => {
  it("at any request of the first one ends like one that was not, with nothing doubled", async ({ expect }) => {
    const whole = await newAccount();
    const { code, count } = await killed(whole, FIRST, { ...NEVER, counts: isWrite });
    expect(code).toBe(0);
    const wanted = await endOf(whole);
    expect(wanted.standalone).toBe(1);
    expect(count).toBeGreaterThan(8);
    await inBatches(cutsOf(count), async (cut) => {
      const account = await newAccount();
      expect((await killed(account, FIRST, cut)).code).toBe(1);
      const again = await run(account, FIRST, origin(), "--no-wait");
      expect([cut.at, again.code, again.err]).toEqual([cut.at, 0, ""]);
      expect({ at: cut.at, ...(await endOf(account)) }).toEqual({ at: cut.at, ...wanted });
    });
  });

  it("at any request of a later one too", async ({ expect }) => {
    const flags = ["--prune"];
    const prepared = async () => {
      const account = await newAccount();
      expect((await run(account, FIRST, origin())).code).toBe(0);
      return account;
    };
    const whole = await prepared();
    const { code, count } = await killed(whole, SECOND, { ...NEVER, counts: isWrite }, flags);
    expect(code).toBe(0);
    const wanted = await endOf(whole);
    await inBatches(cutsOf(count), async (cut) => {
      const account = await prepared();
      expect((await killed(account, SECOND, cut, flags)).code).toBe(1);
      const again = await run(account, SECOND, origin(), "--no-wait", ...flags);
      expect([cut.at, again.code, again.err]).toEqual([cut.at, 0, ""]);
      expect({ at: cut.at, ...(await endOf(account)) }).toEqual({ at: cut.at, ...wanted });
    });
  });
});

describe("two applies at once", () => {
  it("of the same manifest end well, and make everything once", async ({ expect }) => {
    const whole = await newAccount();
    await run(whole, FIRST, origin(), "--no-wait");
    const account = await newAccount();
    const both = await Promise.all([0, 1, 2].map(() => run(account, FIRST, origin(), "--no-wait")));
    expect(both.map(({ code, out, err }) => (code === 0 ? "" : out + err))).toEqual(["", "", ""]);
    expect(await endOf(account)).toEqual(await endOf(whole));
    const later = await Promise.all([0, 1].map(() => run(account, SECOND, origin(), "--prune")));
    expect(later.map(({ code, out, err }) => (code === 0 ? "" : out + err))).toEqual(["", ""]);
    await run(whole, SECOND, origin(), "--prune");
    expect((await endOf(account)).all).toEqual((await endOf(whole)).all);
  });
});
