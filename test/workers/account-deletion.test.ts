/** Deleting an account while others use it: no application is left that nobody reaches any more. */
import { runDurableObjectAlarm } from "cloudflare:test";
import { describe, it, vi } from "vitest";
import { accountStub, applicationStub, registryStub } from "../../src/stubs.ts";
import { ACCOUNT_ID, domainError, testEnv } from "./client.ts";
import { begin, indexOf, pushImage, putParts, storedOf } from "./registry-world.ts";
import { send } from "./writes.ts";

const ROOT = "http://control.test/client/v4/accounts";
const application = (name: string) => ({ name, instances: 0, configuration: { image: "hello-world" } });

async function account(): Promise<{ readonly path: string; readonly id: string }> {
  const { result } = await send("POST", ROOT, { name: "short-lived" });
  return { path: `${ROOT}/${result.id}`, id: result.id };
}

describe("an account that is deleted", () => {
  it("while applications are made in it keeps them and itself, or has none", async ({ expect }) => {
    const names = ["a", "b", "c"];
    for (let round = 0; round < 8; round += 1) {
      const { path, id } = await account();
      const creates = names.map((name) => send("POST", `${path}/containers/applications`, application(name)));
      const [deleted, ...made] = await Promise.all([send("DELETE", path), ...creates]);
      const isThere = (await accountStub(testEnv, ACCOUNT_ID).account(id)) !== null;
      expect([deleted.status, isThere]).toEqual(isThere ? [409, true] : [200, false]);
      for (const answer of made) {
        const exists = answer.status === 201 && (await applicationStub(testEnv, answer.result.id).exists());
        expect(exists).toBe(isThere);
      }
    }
  });

  it("lets nobody take a name in it who was admitted before", async ({ expect }) => {
    const { path, id } = await account();
    expect((await send("DELETE", path)).status).toBe(200);
    const answer: unknown = await accountStub(testEnv, id)
      .reserveName("late", crypto.randomUUID(), "application")
      .then(
        () => "taken",
        (error: unknown) => error,
      );
    expect(answer).toMatchObject({ code: "ACCOUNT_NOT_FOUND" });
  });

  it("takes its images along, and lets nobody push any who was let in before", async ({ expect }) => {
    const { path, id } = await account();
    const index = indexOf(id);
    await pushImage(index, "app", { tags: ["latest"], layers: ["one", "two"] });
    await index.setPublic("app", true);
    await index.startUpload("app", "late");
    const late = await begin(index, "app", "late");
    await putParts(late, ["late"]);
    expect((await send("DELETE", path)).status).toBe(200);
    expect(await index.repositories({ limit: 10, last: null })).toEqual({ items: [], next: null });
    expect(await index.manifest("app", "latest")).toBeNull();
    // The answer may have been lost.
    await index.erase();
    await expect(index.startUpload("app", "later")).rejects.toThrow("deleted");
    vi.setSystemTime(Date.now() + 2 * 24 * 60 * 60 * 1_000);
    await runDurableObjectAlarm(registryStub(testEnv, id));
    vi.useRealTimers();
    await expect.poll(async () => await storedOf(id)).toEqual([]);
  });

  it("is refused with applications, and nothing of it is gone", async ({ expect }) => {
    const { path } = await account();
    await send("POST", `${path}/containers/applications`, application("kept"));
    const refused = await send("DELETE", path);
    expect([refused.status, domainError(refused).error]).toEqual([409, "ACCOUNT_NOT_EMPTY"]);
    expect((await send("GET", `${path}/containers/applications/kept`)).status).toBe(200);
  });
});
