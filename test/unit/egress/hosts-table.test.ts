import { describe, it } from "vitest";
import { compilePolicy } from "../../../src/egress/policy/compile.ts";
import { evaluate } from "../../../src/egress/policy/evaluate.ts";
import { HOSTS_TABLE, POLICIES, type PolicyName, type TableEntry } from "../../egress/hosts-table.ts";
import { judge } from "../../egress/reference.ts";

const compiled = (name: PolicyName) => compilePolicy(POLICIES[name]);
const outcome = (decision: { readonly allowed: true } | { readonly allowed: false; readonly reason: string }) =>
  decision.allowed ? "allowed" : decision.reason;

const named = (entry: TableEntry) =>
  [`${entry.method} ${JSON.stringify(entry.url)} under ${entry.policy}`, entry] as const;

describe("a host in any spelling", () => {
  it.for(HOSTS_TABLE.map(named))("%s", ([, entry], { expect }) => {
    expect(outcome(evaluate(compiled(entry.policy), entry))).toBe(entry.expected);
    expect(outcome(judge(POLICIES[entry.policy], entry))).toBe(entry.expected);
  });
});

describe("the table of hosts", () => {
  it("has two hundred that a container can ask for, each once", ({ expect }) => {
    const askable = HOSTS_TABLE.filter(({ way }) => way !== "none");
    expect(askable.length).toBeGreaterThanOrEqual(200);
    expect(new Set(HOSTS_TABLE.map(({ policy, method, url }) => `${policy} ${method} ${url}`)).size).toBe(
      HOSTS_TABLE.length,
    );
  });

  it("gives clients only URLs that they take as they are", ({ expect }) => {
    const unfit = HOSTS_TABLE.filter(({ way, url }) => {
      if (way !== "url") return false;
      const { protocol, port, username, password } = new URL(url);
      return !/^https?:$/.test(protocol) || port !== "" || username + password !== "";
    });
    expect(unfit).toEqual([]);
  });

  it("says what to send as Host where no client makes the request of a URL", ({ expect }) => {
    const unfit = HOSTS_TABLE.filter(({ way, url }) => way === "host" && !/^http:\/\/[ -~]+\/$/.test(url));
    expect(unfit).toEqual([]);
  });
});
