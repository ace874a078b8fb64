/** What `egress` of handles promises: the part of the contract that is about what an instance may reach. */
import { describe, it } from "vitest";
import type { GantryError } from "../../src/sdk/errors.ts";
import type { Stage } from "./handle-contract.ts";

export function egressContract(
  makeStage: () => Promise<Pick<Stage, "web">>,
  failure: (work: Promise<unknown>) => Promise<GantryError>,
): void {
  describe("egress", () => {
    it("of a name that nobody has called is its application's, and a change starts it", async ({ expect }) => {
      const { web } = await makeStage();
      const one = web.get("one");
      const nothing = { default: "deny", allowed: null, denied: [], changed: false, verified: null };
      expect(await one.egress.get()).toEqual(nothing);
      expect(await one.egress.reset()).toEqual(nothing);
      expect((await one.getState()).state).toBe("absent");
      const changed = await one.egress.allow("API.Example.com.");
      expect(changed).toMatchObject({ default: "deny", allowed: ["api.example.com"], denied: [], changed: true });
      expect(await one.getState()).toMatchObject({ state: "running" });
      expect(await one.egress.get()).toEqual(changed);
    });

    it("takes hosts and lists of them, each change on top of those before", async ({ expect }) => {
      const { web } = await makeStage();
      const { egress } = web.get("one");
      await egress.allow(["a.example.com", "b.example.com"]);
      await egress.deny("*.evil.com");
      await egress.deny(["10.0.0.0/8"]);
      await egress.allow("c.example.com");
      await egress.removeAllowed(["a.example.com"]);
      expect(await egress.removeDenied("*.evil.com")).toMatchObject({
        allowed: ["b.example.com", "c.example.com"],
        denied: ["10.0.0.0/8"],
      });
      await egress.setAllowed(["d.example.com"]);
      expect(await egress.setDenied("e.example.com")).toMatchObject({
        allowed: ["d.example.com"],
        denied: ["e.example.com"],
      });
      expect(await egress.setAllowed([])).toMatchObject({ allowed: [], changed: true });
      await egress.setAllowed(null);
      expect(await egress.setDenied(null)).toMatchObject({ allowed: null, denied: [], changed: false });
    });

    it("is another instance's business in nothing, lasts through a stop, and ends with reset or destroy", async ({
      expect,
    }) => {
      const { web } = await makeStage();
      const one = web.get("one");
      await one.egress.allow("a.example.com");
      expect((await web.get("two").egress.get()).allowed).toBeNull();
      await one.stop();
      await expect.poll(async () => (await one.getState()).state).toBe("stopped");
      expect(await one.egress.get()).toMatchObject({ allowed: ["a.example.com"], verified: null });
      await one.start();
      expect((await one.egress.get()).allowed).toEqual(["a.example.com"]);
      expect(await one.egress.reset()).toMatchObject({ allowed: null, changed: false });
      await one.egress.allow("a.example.com");
      await one.destroy();
      await expect.poll(async () => (await one.getState()).state).toBe("absent");
      expect(await one.egress.get()).toMatchObject({ allowed: null, changed: false });
      await one.start();
      expect((await one.egress.get()).allowed).toBeNull();
    });

    it("refuses what is no host, with the field and what to write, and starts nothing for it", async ({ expect }) => {
      const { web } = await makeStage();
      const one = web.get("one");
      for (const [field, change] of [
        ["allow[1]", one.egress.allow(["a.example.com", "https://b.example.com/x"])],
        ["deny[0]", one.egress.deny("*evil.com")],
        ["set_allowed[0]", one.egress.setAllowed(["a.example.com:8080"])],
        ["remove_denied[0]", one.egress.removeDenied("a b")],
      ] as const) {
        const error = await failure(change);
        expect(error).toMatchObject({ code: "VALIDATE_INPUT", retryable: false });
        expect(Object.keys(error.details)).toContain(field);
      }
      expect((await one.getState()).state).toBe("absent");
      const wrong = one.egress.allow([7] as unknown as string[]);
      expect(await failure(wrong)).toMatchObject({
        code: "VALIDATE_INPUT",
        details: { "hosts[0]": expect.any(String) },
      });
    });
  });
}
