import { array, assert, boolean, constant, constantFrom, nat, oneof, option, property, record } from "fast-check";
import { describe, it, vi } from "vitest";
import { NO_POLICY, type EgressNow, type EgressPolicy } from "../egress/policy/policy.ts";
import { policyDigest } from "../egress/policy/digest.ts";
import { migrate } from "../migrations.ts";
import { memoryDatabase } from "../../test/unit/sqlite-storage.ts";
import { InstanceEgress } from "./instance-egress.ts";
import { INSTANCE_MIGRATIONS } from "./run-record.ts";

const allowing = (...hosts: string[]): EgressPolicy => ({ ...NO_POLICY, allow: hosts.map((host) => ({ host })) });

function made() {
  const db = memoryDatabase();
  migrate(db, INSTANCE_MIGRATIONS);
  return { db, egress: new InstanceEgress(db) };
}

describe("what an instance may reach", () => {
  it("is nothing before anybody says otherwise", ({ expect }) => {
    const { egress } = made();
    expect([egress.digest, egress.effective.policy]).toEqual([undefined, NO_POLICY]);
  });

  it("costs a row when it changes, and none when a launch says it again or says nothing", ({ expect }) => {
    const { db, egress } = made();
    const run = vi.spyOn(db, "run");
    egress.adopt({ seq: 1, policy: null }, true);
    expect(run).toHaveBeenCalledTimes(0);
    egress.adopt({ seq: 2, policy: allowing("a.test") }, true);
    egress.adopt({ seq: 3, policy: allowing("a.test") }, true);
    expect(run).toHaveBeenCalledTimes(1);
  });

  it("keeps what was changed here over a change of the policy, and over a lifetime", ({ expect }) => {
    const { db, egress } = made();
    egress.adopt({ seq: 1, policy: allowing("a.test") });
    egress.change({ allow: ["b.test"] });
    egress.adopt({ seq: 2, policy: allowing("c.test") });
    const hosts = new InstanceEgress(db).effective.policy.allow?.map(({ host }) => host);
    expect(hosts).toEqual(["c.test", "b.test"]);
    egress.reset();
    expect(new InstanceEgress(db).effective.policy).toEqual(allowing("c.test"));
  });

  it("refuses what it cannot enforce: a change of what goes past it", ({ expect }) => {
    const { egress } = made();
    egress.adopt({ seq: 1, policy: { ...NO_POLICY, default: "allow", open: true } });
    expect(() => egress.change({ deny: ["a.test"] })).toThrow(/egress.open/);
  });

  it("names the field of a change that cannot be", ({ expect }) => {
    const { egress } = made();
    expect(() => egress.change({ allow: ["*x.test"] })).toThrow(/\*/);
  });

  /** An application writes, its messages are lost, doubled and overtaken, and a report is answered in the end. */
  it("is what its application said last, whatever became of the messages, once a report was answered", ({ expect }) => {
    const step = oneof(
      record({
        type: constant("write" as const),
        policy: option(constantFrom("a.test", "b.test", "c.test")),
      }),
      record({ type: constant("deliver" as const), which: nat(20), isLaunch: boolean() }),
      constant({ type: "reload" as const }),
    );
    assert(
      property(array(step, { maxLength: 30 }), (steps) => {
        const { db } = made();
        // What the record of the last launch keeps.
        let launched = 0;
        let egress = new InstanceEgress(db, () => launched);
        let now: EgressNow = { seq: 1, policy: null };
        const sent: EgressNow[] = [now];
        let heard = 0;
        for (const one of steps) {
          if (one.type === "write") {
            now = { seq: now.seq + 1, policy: one.policy === null ? null : allowing(one.policy) };
            sent.push(now);
          } else if (one.type === "deliver") {
            const message = sent[one.which % sent.length] as EgressNow;
            heard = Math.max(heard, message.seq);
            egress.adopt(message, one.isLaunch);
            if (one.isLaunch) launched = Math.max(launched, message.seq);
            // Never what is older than something that it has heard.
            const known = sent.filter(({ seq }) => seq >= heard).map(({ policy }) => policy);
            expect(known.map((policy) => (policy === null ? undefined : policyDigest(policy)))).toContain(
              egress.digest,
            );
          } else egress = new InstanceEgress(db, () => launched);
        }
        const told = now.policy === null ? undefined : policyDigest(now.policy);
        if (told !== egress.digest) egress.adopt(now);
        expect(egress.digest).toBe(told);
      }),
    );
  });
});
