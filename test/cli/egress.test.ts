/** `gantry egress …` against a control plane, as a terminal runs it. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, it } from "vitest";
import { gantry, newAccount, startPlane, stopPlane, type Account } from "./plane.ts";

beforeAll(startPlane, 60_000);
afterAll(stopPlane);

const params = { id: "web" };

/** An application of its own account, with one member that runs and one instance that is called by name. */
async function web(egress?: object): Promise<Account> {
  const account = await newAccount();
  const configuration = { image: "hello-world" };
  const body = { name: "web", instances: 1, configuration, ...(egress === undefined ? {} : { egress }) };
  await account.api.send("POST /applications", { body });
  await account.api.send("GET /applications/{id}/wait", { params, query: { state: "settled" } });
  return account;
}

const egress = (account: Account, ...args: string[]) => gantry({ account }, "egress", ...args);
const policyOf = async ({ api }: Account) =>
  (await api.send("GET /applications/{id}/egress", { params })).result.policy;

/** What has become of the one resource. */
const actionOf = ({ out }: { out: string }) => JSON.parse(out.trim().split("\n").at(-1) ?? "").steps[0];

describe.concurrent("gantry egress", () => {
  it("get prints what set takes, and what has gone through", async ({ expect }) => {
    const account = await web({ allow: ["b.example.com", { host: "*.example.org", methods: ["GET"] }] });
    const { code, out, err } = await egress(account, "get", "web");
    expect([code, err]).toEqual([0, ""]);
    expect(out).toMatch(/^# 0 requests to hosts, 0 of them denied; 0 bytes up, 0 down\ndefault: deny\nallow:\n/);
    const again = await gantry({ account, stdin: out }, "egress", "set", "web", "--file", "-");
    expect([again.code, again.err, again.out]).toEqual([
      0,
      "",
      "it holds for 1 running instance of web from the next request on\n",
    ]);
    expect((await egress(account, "get", "web")).out).toBe(out);
    expect(JSON.parse((await egress(account, "get", "web", "--json")).out)).toEqual({
      policy: { default: "deny", allow: ["b.example.com", { host: "*.example.org", methods: ["GET"] }] },
      usage: { requests: 0, denied: 0, bytes_up: 0, bytes_down: 0 },
    });
  });

  it("set takes a file of YAML or JSON, and says which field is wrong and why", async ({ expect }) => {
    const account = await web();
    const folder = await mkdtemp(join(tmpdir(), "gantry-egress-"));
    try {
      const file = join(folder, "policy.json");
      await writeFile(file, JSON.stringify({ deny: ["A.example.com"], default: "allow" }));
      expect((await egress(account, "set", "web", "-f", file)).code).toBe(0);
      expect(await policyOf(account)).toEqual({ default: "allow", deny: ["a.example.com"] });
      await writeFile(file, JSON.stringify({ deny: ["https://a.example.com"] }));
      const wrong = await egress(account, "set", "web", "--file", file);
      expect([wrong.code, wrong.out]).toEqual([1, ""]);
      expect(wrong.err).toMatch(/^VALIDATE_INPUT: .*deny\[0\].*\n$/);
      const none = await egress(account, "set", "web");
      expect([none.code, none.err]).toEqual([1, expect.stringContaining("--file")]);
      const list = await gantry({ account, stdin: "- a\n" }, "egress", "set", "web", "--file", "-");
      expect([list.code, list.err]).toEqual([1, expect.stringContaining("must be one policy")]);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it("allow and deny add to the policy, each host once", async ({ expect }) => {
    const account = await web();
    const { code, out } = await egress(account, "allow", "web", "a.example.com", "*.example.org");
    expect([code, out]).toEqual([0, "it holds for 1 running instance of web from the next request on\n"]);
    await egress(account, "deny", "web", "x.example.org");
    const json = JSON.parse((await egress(account, "allow", "web", "A.example.com", "b.example.com", "--json")).out);
    expect(json).toMatchObject({ told: 1, pending: [] });
    expect(await policyOf(account)).toEqual({
      default: "deny",
      allow: ["a.example.com", "*.example.org", "b.example.com"],
      deny: ["x.example.org"],
    });
    const denied = await egress(account, "allow", "web", "x.example.org");
    expect([denied.code, denied.err]).toEqual([1, expect.stringContaining("x.example.org: is denied, which wins")]);
    const wrong = await egress(account, "deny", "web", "a b");
    expect([wrong.code, wrong.err]).toEqual([1, expect.stringMatching(/^VALIDATE_INPUT: .*deny\[1\]/)]);
  });

  it("allow makes no list of its own where everything is allowed by default", async ({ expect }) => {
    const account = await web({ default: "allow" });
    const { code, err } = await egress(account, "allow", "web", "a.example.com");
    expect([code, err]).toEqual([1, expect.stringContaining("would be all that is allowed")]);
    expect(await policyOf(account)).toEqual({ default: "allow" });
  });

  it("allow loses nothing of what others write at the same time", async ({ expect }) => {
    const account = await web();
    const hosts = ["a.example.com", "b.example.com", "c.example.com"];
    const all = await Promise.all(hosts.map((host) => egress(account, "allow", "web", host)));
    expect(all.map(({ code }) => code)).toEqual([0, 0, 0]);
    expect(new Set((await policyOf(account)).allow)).toEqual(new Set(hosts));
  });

  it("--instance changes one instance until it is reset", async ({ expect }) => {
    const account = await web({ allow: ["a.example.com"], deny: ["d.example.com"] });
    const [instance] = (await account.api.send("GET /applications/{id}/instances-v2", { params })).result;
    const of = ["web", "--instance", instance?.id ?? ""];
    const { code, out } = await egress(account, "allow", ...of, "b.example.com");
    expect([code, out]).toEqual([
      0,
      expect.stringMatching(/^# enforced: .*\n# allow, in addition: b.example.com\ndefault: deny\nallow:\n/),
    ]);
    await egress(account, "deny", ...of, "e.example.com");
    const shown = JSON.parse((await egress(account, "get", ...of, "--json")).out);
    expect(shown.policy).toEqual({
      default: "deny",
      allow: ["a.example.com", "b.example.com"],
      deny: ["d.example.com", "e.example.com"],
    });
    expect(await policyOf(account)).toMatchObject({ allow: ["a.example.com"] });
    const back = await egress(account, "reset", ...of);
    expect([back.code, back.out]).toEqual([0, expect.stringContaining("# nothing was changed for it alone\n")]);
    const unsaid = await egress(account, "reset", "web");
    expect([unsaid.code, unsaid.err]).toEqual([1, expect.stringMatching(/^--instance: is needed/)]);
    const unknown = await egress(account, "get", "web", "--instance", "nobody");
    expect([unknown.code, unknown.err]).toEqual([1, expect.stringMatching(/^INSTANCE_NOT_FOUND: /)]);
  });

  it("log says that nothing was denied", async ({ expect }) => {
    const account = await web();
    expect((await egress(account, "log", "web")).out).toBe("nothing was denied to web.\n");
    expect((await egress(account, "log", "web", "--host", "a.example.com", "--json")).out).toBe("");
    const unknown = await egress(account, "log", "nobody");
    expect([unknown.code, unknown.err]).toEqual([1, expect.stringMatching(/^APPLICATION_NOT_FOUND: /)]);
  });

  it("is a part of a manifest: applied once, changed where it says something else, and exported", async ({
    expect,
  }) => {
    const account = await newAccount();
    const spec = { instances: 0, configuration: { image: "hello-world" } };
    const applied = async (policy: object) => {
      const resources = [{ kind: "application", name: "web", spec: { ...spec, egress: policy } }];
      const stdin = JSON.stringify({ owner: "tests", resources });
      return await gantry({ account, stdin }, "apply", "--file", "-", "--json");
    };
    const policy = { allow: ["A.example.com", { host: "*.example.org", methods: ["GET"] }], internal: ["orders"] };
    expect(actionOf(await applied(policy))).toMatchObject({ action: "create", outcome: "done" });
    expect(await policyOf(account)).toEqual({ default: "deny", ...policy, allow: ["a.example.com", policy.allow[1]] });
    expect(actionOf(await applied(policy)).action).toBe("none");
    const changed = actionOf(await applied({ ...policy, deny: ["evil.example.org"] }));
    expect([changed.action, changed.changes]).toEqual([
      "update",
      [{ field: "egress.deny", from: null, to: ["evil.example.org"] }],
    ]);
    const { out } = await gantry({ account }, "export", "--format", "json");
    const exported = await gantry({ account, stdin: out }, "apply", "--file", "-", "--json", "--owner", "tests");
    expect(actionOf(exported).action).toBe("none");
    expect(await policyOf(account)).toMatchObject({ deny: ["evil.example.org"] });
  });
});
