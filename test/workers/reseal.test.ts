/** Key rotation: everything that is sealed gets under the first key, in steps that stand for themselves. */
import { runInDurableObject } from "cloudflare:test";
import { describe, it } from "vitest";
import type { Account } from "../../src/account/account.ts";
import { launchMaterial } from "../../src/account/launch-material.ts";
import { registryContext } from "../../src/account/registries.ts";
import { reseal } from "../../src/account/reseal.ts";
import { secretContext } from "../../src/account/secrets.ts";
import { Database } from "../../src/database.ts";
import { currentPrefix, open, seal } from "../../src/sealing.ts";
import { accountStub } from "../../src/stubs.ts";
import { call, testEnv } from "./client.ts";

const key = (text: string) => btoa(text.repeat(32));
const [OLD, NEW, LOST] = [key("o"), key("n"), key("l")];

/** An account of its own, whose rows nobody else touches. */
async function inAccount<T>(work: (db: Database, id: string, storage: DurableObjectStorage) => Promise<T>): Promise<T> {
  const id = crypto.randomUUID().replaceAll("-", "");
  return await runInDurableObject(accountStub(testEnv, id), async (_: Account, { storage }) => {
    return await work(new Database(storage), id, storage);
  });
}

async function putSecret(db: Database, account: string, name: string, value: string, sealingKey: string) {
  const sealed = await seal([sealingKey], value, secretContext(account, name));
  db.run("INSERT INTO secrets VALUES (?, ?, 1, '', ?, '', 0, 0)", name, `id-${name}`, sealed);
}

const sealedOf = (db: Database) =>
  db.all<{ name: string; sealed: string }>("SELECT name, sealed FROM secrets ORDER BY name");

describe("sealing again", () => {
  it("brings secrets, registry keys and kept answers under the first key, once", async ({ expect }) => {
    await inAccount(async (db, account) => {
      for (let index = 0; index < 70; index += 1) {
        await putSecret(db, account, `S${index}`, `value ${index}`, index % 7 === 0 ? NEW : OLD);
      }
      const registryKey = await seal([OLD], "private", registryContext(account, "r.example"));
      db.run("INSERT INTO registries VALUES ('r.example', 'id', '{}', ?, 0)", registryKey);
      db.run(
        "INSERT INTO idempotency VALUES ('k', '', '', 0, ?)",
        `sealed:${await seal([OLD], "answer", "idempotency")}`,
      );
      db.run("INSERT INTO idempotency VALUES ('open', '', '', 0, '{}')");

      expect(await reseal(db, [NEW, OLD], account)).toEqual({ resealed: 60 + 2, unreadable: [] });
      const prefix = await currentPrefix([NEW]);
      expect(sealedOf(db).filter(({ sealed }) => sealed.startsWith(prefix))).toHaveLength(70);
      const names = sealedOf(db).map(({ name }) => name);
      const { secrets } = await launchMaterial(db, [NEW], account, { secrets: names, sshKeyIds: [], protocol: null });
      expect(secrets).toEqual(Object.fromEntries(names.map((name) => [name, `value ${name.slice(1)}`])));
      const registry = db.one<{ sealed_key: string }>("SELECT sealed_key FROM registries");
      expect(await open([NEW], registry?.sealed_key ?? "", registryContext(account, "r.example"))).toBe("private");
      const kept = db.one<{ answer: string }>("SELECT answer FROM idempotency WHERE key = 'k'")?.answer ?? "";
      expect(await open([NEW], kept.slice("sealed:".length), "idempotency")).toBe("answer");

      const { rowsWritten } = db;
      expect(await reseal(db, [NEW, OLD], account)).toEqual({ resealed: 0, unreadable: [] });
      expect(db.rowsWritten).toBe(rowsWritten);
    });
  });

  it("tells what no key opens, and does the rest", async ({ expect }) => {
    await inAccount(async (db, account) => {
      await putSecret(db, account, "A", "a", OLD);
      await putSecret(db, account, "B", "b", LOST);
      await putSecret(db, account, "C", "c", OLD);
      const before = sealedOf(db)[1];
      expect(await reseal(db, [NEW, OLD], account)).toEqual({ resealed: 2, unreadable: ["secret B"] });
      expect(sealedOf(db)[1]).toEqual(before);
    });
  });

  it("that was cut off leaves every value readable, and the next one goes on", async ({ expect }) => {
    await inAccount(async (db, account, storage) => {
      const names = Array.from({ length: 100 }, (_, index) => `S${String(index).padStart(3, "0")}`);
      for (const name of names) await putSecret(db, account, name, name, OLD);
      // The third batch fails to be written, as in a crash before it.
      storage.sql.exec(
        "CREATE TRIGGER cut BEFORE UPDATE ON secrets WHEN NEW.name >= 'S070' BEGIN SELECT RAISE(ABORT, 'cut off'); END",
      );
      await expect(reseal(db, [NEW, OLD], account)).rejects.toThrow("cut off");
      const prefix = await currentPrefix([NEW]);
      expect(sealedOf(db).filter(({ sealed }) => sealed.startsWith(prefix))).toHaveLength(64);
      const request = { secrets: names, sshKeyIds: [], protocol: null };
      const { secrets } = await launchMaterial(db, [NEW, OLD], account, request);
      expect(secrets).toEqual(Object.fromEntries(names.map((name) => [name, name])));
      storage.sql.exec("DROP TRIGGER cut");
      expect(await reseal(db, [NEW, OLD], account)).toEqual({ resealed: 36, unreadable: [] });
    });
  });

  it("leaves a value alone that is written meanwhile", async ({ expect }) => {
    await inAccount(async (db, account) => {
      await putSecret(db, account, "A", "old value", OLD);
      const fresh = await seal([OLD], "new value", secretContext(account, "A"));
      const work = reseal(db, [NEW, OLD], account);
      db.run("UPDATE secrets SET sealed = ? WHERE name = 'A'", fresh);
      await work;
      const { secrets } = await launchMaterial(db, [NEW, OLD], account, {
        secrets: ["A"],
        sshKeyIds: [],
        protocol: null,
      });
      expect(secrets).toEqual({ A: "new value" });
    });
  });

  it("is a request of its own, and says that there was nothing to do", async ({ expect }) => {
    expect(await call("POST", "/secrets/reseal")).toMatchObject({
      status: 200,
      result: { resealed: 0, unreadable: expect.any(Array) },
    });
  });
});
