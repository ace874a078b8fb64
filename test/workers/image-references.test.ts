/** Images of any registry: found and pinned when they are admitted, made startable once, waited for by launches. */
import { runInDurableObject } from "cloudflare:test";
import { beforeEach, describe, it } from "vitest";
import { importManifest } from "../../src/registry/blobs/import.ts";
import { verifyCredentials } from "../../src/registry/credentials.ts";
import { digestOfBytes, type Digest } from "../../src/registry/oci/digest.ts";
import { masterKeys } from "../../src/sealing.ts";
import { formatPin } from "../../src/registry/images/pin.ts";
import { applicationStub, imagePreparationStub } from "../../src/stubs.ts";
import {
  ACCOUNT_ID,
  call,
  createApplication,
  domainError,
  eventsOf,
  eventually,
  instancesOf,
  raw,
  testEnv,
  untilReady,
  type Envelope,
} from "./client.ts";
import { containerOf } from "./fake-container.ts";
import { ImagesWorld, LOADED, newDomain } from "./images-world.ts";
import { ended, jobsApplication, submit, task } from "./jobs-world.ts";

let world: ImagesWorld;
beforeEach(() => {
  world = new ImagesWorld();
});

function told(answer: Envelope & { status: number }): string {
  return `${answer.status} ${answer.success ? "" : domainError(answer).error}`.trim();
}

async function create(image: string, instances = 0) {
  const name = `image-${crypto.randomUUID().slice(0, 8)}`;
  return await call("POST", "/applications", { name, instances, configuration: { image } });
}

async function pinnedOf(id: string): Promise<string | undefined> {
  const { configuration } = await applicationStub(testEnv, id).newest();
  return configuration.pinned;
}

describe("an image of a registry elsewhere", () => {
  it("is started by its digest, once it is loaded, and each step is told", async ({ expect }) => {
    const domain = newDomain();
    const digest = await world.push(domain, "team/web", "1");
    const { id } = await createApplication({}, `${domain}/team/web:1`);
    const [instance] = await untilReady(id, 1);
    expect(containerOf(instance?.id ?? "").starts[0]?.image).toBe(LOADED);
    expect(world.loads).toEqual([{ domain, repository: "team/web", digest }]);
    expect((await call("GET", `/applications/${id}`)).result.configuration.image).toBe(`${domain}/team/web:1`);
    const events = (await eventsOf(id)).filter(({ name }) => name.startsWith("Image"));
    expect(events.at(-1)).toMatchObject({ name: "ImageReady", details: { image: `${domain}/team/web@${digest}` } });
    const steps = ["ImageResolving", "ImageMirroring", "ImagePreparing", "ImageReady"];
    const at = events.map(({ name }) => steps.indexOf(name));
    expect(at).toEqual(at.toSorted((a, b) => a - b));
  });

  it("is waited for, as long as it takes, without a failure", async ({ expect }) => {
    const domain = newDomain();
    await world.push(domain, "web", "1");
    const { promise, resolve } = Promise.withResolvers<void>();
    world.held = promise;
    const { id } = await createApplication({ instances: 2 }, `${domain}/web:1`);
    await eventually(async () => (await eventsOf(id)).some(({ name }) => name === "ImagePreparing"));
    const waiting = await instancesOf(id);
    expect(waiting.map(({ ready, failures, losses }) => ({ ready, failures, losses }))).toEqual([
      { ready: false, failures: 0, losses: 0 },
      { ready: false, failures: 0, losses: 0 },
    ]);
    resolve();
    const ready = await untilReady(id, 2);
    expect(ready.map(({ failures }) => failures)).toEqual([0, 0]);
    expect(world.loads).toHaveLength(1);
  });

  it("is gone on with where a control plane died meanwhile", async ({ expect }) => {
    const domain = newDomain();
    const digest = await world.push(domain, "web", "1");
    const pin = formatPin({ domain, repository: "web", digest });
    // As a crash leaves it: begun, with nobody at work.
    await runInDurableObject(imagePreparationStub(testEnv, ACCOUNT_ID, pin), async (_, { storage }) => {
      const row = [ACCOUNT_ID, pin, "mirroring", testEnv.GANTRY_SESSION];
      storage.sql.exec("INSERT INTO preparation VALUES (1, ?, ?, ?, NULL, NULL, ?, 0, 0)", ...row);
      await storage.setAlarm(Date.now() + 60_000);
    });
    const { id } = await createApplication({}, `${domain}/web:1`);
    await untilReady(id, 1);
    expect(world.loads).toHaveLength(1);
  });

  it("is tried again where that may help, and otherwise tells why it cannot be started", async ({ expect }) => {
    const domain = newDomain();
    await world.push(domain, "web", "1");
    let tries = 0;
    const enough = world.lines;
    world.lines = () => {
      tries += 1;
      return tries === 1 ? [{ state: "error", reason: "the engine hiccups", passing: true }] : enough();
    };
    const { id } = await createApplication({}, `${domain}/web:1`);
    const [instance] = await untilReady(id, 1);
    expect([instance?.failures, tries]).toEqual([0, 2]);

    await world.push(domain, "broken", "1");
    world.lines = () => [{ state: "error", reason: "no matching manifest for linux/s390x", passing: false }];
    const { id: broken } = await createApplication({}, `${domain}/broken:1`);
    const refused = await eventually(async () =>
      (await eventsOf(broken)).find(({ name }) => name === "VMFailedToStart"),
    );
    expect(JSON.stringify(refused)).toContain("no matching manifest for linux/s390x");
    expect((await eventsOf(broken)).some(({ name }) => name === "ImageError")).toBe(true);
    const { result } = await call("POST", "/image-preparations", { image: `${domain}/broken:1` });
    expect(result).toMatchObject({ status: "error", reason: "no matching manifest for linux/s390x" });
    // What is mended is found by itself.
    world.lines = enough;
    await untilReady(broken, 1);
  });

  it.for([
    ["that it has not", "400 IMAGE_REGISTRY_DOESNT_CONTAIN_IMAGE", "none" as const],
    ["that wants a login", "400 IMAGE_REGISTRY_NOT_CONFIGURED", "locked" as const],
    ["that does not answer", "400 IMAGE_REGISTRY_RETURNED_ERROR", "dead" as const],
  ])("%s is refused by the field, and nothing is made", async ([, answer, how], { expect }) => {
    const domain = newDomain();
    if (how === "locked") world.locked.add(domain);
    if (how === "dead") world.dead.add(domain);
    const before = (await call("GET", "/applications?per_page=1000")).result.length;
    const refused = await create(`${domain}/web:1`);
    expect(told(refused)).toBe(answer);
    expect(domainError(refused).details).toHaveProperty(["configuration.image"]);
    expect((await call("GET", "/applications?per_page=1000")).result).toHaveLength(before);
    expect(world.loads).toEqual([]);
  });

  it("that is no reference is refused", async ({ expect }) => {
    for (const image of ["Web:1", "a.example.com/UPPER", "web@sha256:12"]) {
      expect(told(await create(image))).toBe("400 VALIDATE_INPUT");
    }
  });

  it("is looked for again where it does not boot any more", async ({ expect }) => {
    const domain = newDomain();
    await world.push(domain, "web", "1");
    const enough = world.lines;
    // The engine has lost it.
    world.lines = () => [{ state: "ready", image: "local/never-boots:1" }];
    const { id } = await createApplication({}, `${domain}/web:1`);
    await eventually(async () => (await eventsOf(id)).some(({ name }) => name === "VMFailedToStart"));
    world.lines = enough;
    const [instance] = await instancesOf(id);
    // The back-off is not what this is about.
    await applicationStub(testEnv, id).act(instance?.id ?? "", "start", "test");
    await untilReady(id, 1);
    expect(world.loads).toHaveLength(2);
  });

  it("is dropped when no application has it any more", async ({ expect }) => {
    const domain = newDomain();
    const digest = await world.push(domain, "web", "1");
    const ids: string[] = [];
    for (let index = 0; index < 2; index += 1) ids.push((await createApplication({}, `${domain}/web:1`)).id);
    for (const id of ids) await untilReady(id, 1);
    await call("DELETE", `/applications/${ids[0]}`);
    await eventually(async () => !(await applicationStub(testEnv, ids[0] ?? "").exists()));
    expect(world.removals).toEqual([]);
    await call("DELETE", `/applications/${ids[1]}`);
    await eventually(async () => world.removals.includes(digest));
  });
});

describe("what is pinned", () => {
  it("stays while nobody writes the image anew, and is looked up when somebody does", async ({ expect }) => {
    const domain = newDomain();
    const image = `${domain}/web:latest`;
    const first = await world.push(domain, "web", "latest");
    const { id, name } = await createApplication({}, image);
    const [instance] = await untilReady(id, 1);
    expect(await pinnedOf(id)).toBe(`${domain}/web@${first}`);
    const second = await world.push(domain, "web", "latest");
    await applicationStub(testEnv, id).act(instance?.id ?? "", "restart", "test");
    await call("PATCH", `/applications/${id}`, {
      configuration: { environment_variables: [{ name: "A", value: "1" }] },
    });
    expect(await pinnedOf(id)).toBe(`${domain}/web@${first}`);
    expect(world.loads.map(({ digest }) => digest)).toEqual([first]);
    await call("PATCH", `/applications/${id}`, { configuration: { image } });
    expect(await pinnedOf(id)).toBe(`${domain}/web@${second}`);
    const put = { instances: 1, configuration: { image } };
    const before = (await call("PUT", `/applications/${name}`, put)).result.version;
    expect((await call("PUT", `/applications/${name}`, put)).result.version).toBe(before);
    const third = await world.push(domain, "web", "latest");
    expect((await call("PUT", `/applications/${name}`, put)).result.version).toBe(before + 1);
    expect(await pinnedOf(id)).toBe(`${domain}/web@${third}`);
    await eventually(async () => world.loads.some(({ digest }) => digest === third));
  });

  it("is what a rollout brings, and what it goes back to", async ({ expect }) => {
    const domain = newDomain();
    const first = await world.push(domain, "web", "1");
    const { id } = await createApplication({}, `${domain}/web:1`);
    await untilReady(id, 1);
    const second = await world.push(domain, "web", "2");
    const begun = await call("POST", `/applications/${id}/rollouts`, {
      description: "two",
      strategy: "rolling",
      step_percentage: 100,
      target_configuration: { image: `${domain}/web:2` },
    });
    expect(told(begun)).toBe("200");
    await eventually(async () => (await instancesOf(id)).some(({ version, ready }) => version === 2 && ready));
    expect(world.loads.map(({ digest }) => digest)).toEqual([first, second]);
    const missing = await call("POST", `/applications/${id}/rollouts`, {
      description: "three",
      strategy: "rolling",
      step_percentage: 100,
      target_configuration: { image: `${domain}/web:3` },
    });
    expect(told(missing)).toBe("400 IMAGE_REGISTRY_DOESNT_CONTAIN_IMAGE");
    expect(domainError(missing).details).toHaveProperty(["target_configuration.image"]);
  });

  it("is a job's own image, and a schedule's", async ({ expect }) => {
    const domain = newDomain();
    const digest = await world.push(domain, "work", "1");
    const id = await jobsApplication();
    const job = await submit(id, task("exit 0", { image: `${domain}/work:1` }));
    expect((await ended(id, job.id)).status.state).toBe("succeeded");
    expect(world.loads.map((load) => load["digest"])).toEqual([digest]);
    const missing = await call("POST", `/applications/${id}/jobs`, task("exit 0", { image: `${domain}/work:2` }));
    expect(told(missing)).toBe("400 IMAGE_REGISTRY_DOESNT_CONTAIN_IMAGE");
    expect(domainError(missing).details).toHaveProperty(["image"]);
    const schedule = { cron: "0 0 1 1 *", name: "nightly", job: task("exit 0", { image: `${domain}/work:2` }) };
    expect(told(await call("POST", `/applications/${id}/schedules`, schedule))).toBe(
      "400 IMAGE_REGISTRY_DOESNT_CONTAIN_IMAGE",
    );
  });
});

describe("an image of a protocol", () => {
  it("is the one of the first registry that has it; those that do not answer are passed over", async ({ expect }) => {
    const [silent, dead, empty, good] = [newDomain(), newDomain(), newDomain(), newDomain()];
    world.silent.add(silent);
    world.dead.add(dead);
    const digest = await world.push(good, "team/web", "1");
    const proto = `p${crypto.randomUUID().slice(0, 8)}`;
    for (const domain of [silent, dead, empty, good]) await call("POST", "/registries", { domain, is_public: true });
    const domains = [silent, dead, empty, good].map((domain) => ({ domain, path: "team" }));
    expect(told(await call("POST", "/registries/protos", { proto, domains }))).toBe("201");
    const { id } = await createApplication({}, `${proto}://web:1`);
    await untilReady(id, 1);
    expect(await pinnedOf(id)).toBe(`${good}/team/web@${digest}`);
    // It served, and is what the revision says: a launch asks none of the others.
    expect(world.loads).toEqual([{ domain: good, repository: "team/web", digest }]);
    const none = await create(`${proto}://other:1`);
    expect(told(none)).toBe("400 IMAGE_REGISTRY_RETURNED_ERROR");
    for (const domain of [dead, empty, good]) {
      expect(String(domainError(none).details["configuration.image"])).toContain(domain);
    }
  });
});

describe("the preparation of an image", () => {
  it("is begun by asking, and is the same however often it is asked", async ({ expect }) => {
    const domain = newDomain();
    const image = `${domain}/web:1`;
    const digest = await world.push(domain, "web", "1");
    const { promise, resolve } = Promise.withResolvers<void>();
    world.held = promise;
    const pending = await call("POST", "/image-preparations", { image });
    expect(pending).toMatchObject({ status: 202, result: { image, status: "pending", artifact_digest: digest } });
    await eventually(async () => {
      const { result } = await call("POST", "/image-preparations", { image });
      return result.reason === "preparing";
    });
    resolve();
    const ready = await eventually(async () => {
      const answer = await call("POST", "/image-preparations", { image });
      return answer.status === 200 && answer;
    });
    expect(ready.result).toEqual({ image, status: "ready", artifact_digest: digest });
    expect(world.loads).toHaveLength(1);
    const none = await call("POST", "/image-preparations", { image: `${domain}/web:2` });
    expect([none.status, none.result.status]).toEqual([200, "error"]);
  });

  it("does not fail for a registry because the same image of another one could not be had", async ({ expect }) => {
    const [bad, good] = [newDomain(), newDomain()];
    await world.push(bad, "web", "1");
    await world.copy(bad, good, "web", "1");
    const enough = world.lines;
    world.lines = () => [{ state: "error", reason: "denied", passing: false }];
    await eventually(async () => {
      const { result } = await call("POST", "/image-preparations", { image: `${bad}/web:1` });
      return result.status === "error";
    });
    world.lines = enough;
    const ready = await eventually(async () => {
      const answer = await call("POST", "/image-preparations", { image: `${good}/web:1` });
      return answer.result.status !== "pending" && answer.result;
    });
    expect(ready).toMatchObject({ status: "ready" });
    expect(world.loads.map(({ domain }) => domain)).toEqual([bad, good]);
  });
});

describe("an image of Gantry's own registry", () => {
  const MEDIA_TYPE = "application/vnd.oci.image.index.v1+json";

  async function pushOwn(repository: string, tag: string): Promise<Digest> {
    const bytes = Uint8Array.from(
      new TextEncoder().encode(
        JSON.stringify({
          schemaVersion: 2,
          mediaType: MEDIA_TYPE,
          manifests: [],
          annotations: { a: crypto.randomUUID() },
        }),
      ),
    );
    const digest = await digestOfBytes("sha256", bytes);
    const imported = await importManifest(testEnv, ACCOUNT_ID, repository, {
      digest,
      bytes,
      mediaType: MEDIA_TYPE,
      tags: [tag],
      isSparse: true,
    });
    if (!imported.imported) throw new Error(imported.reason);
    return digest;
  }

  it("is named by any host of this control plane, or by the account alone", async ({ expect }) => {
    const repository = `team/r${crypto.randomUUID().slice(0, 8)}`;
    const digest = await pushOwn(repository, "1");
    const { host } = new URL((await raw("GET", "/healthz")).url || "http://gantry.test");
    for (const image of [
      `${host}/${repository}:1`,
      `${ACCOUNT_ID}/${repository}:1`,
      `${ACCOUNT_ID}/${repository}@${digest}`,
    ]) {
      const { id } = await createApplication({ instances: 0 }, image);
      expect(await pinnedOf(id)).toBe(`gantry/${repository}@${digest}`);
    }
    expect(told(await create(`${"f".repeat(32)}/${repository}:1`))).toBe("400 VALIDATE_INPUT");
    expect(told(await create(`${ACCOUNT_ID}/${repository}:2`))).toBe("400 IMAGE_REGISTRY_DOESNT_CONTAIN_IMAGE");
  });

  it("is fetched with credentials for it alone, and is in use by what was admitted", async ({ expect }) => {
    const repository = `team/r${crypto.randomUUID().slice(0, 8)}`;
    const digest = await pushOwn(repository, "1");
    const { id, name } = await createApplication({}, `${ACCOUNT_ID}/${repository}:1`);
    await untilReady(id, 1);
    const load = world.loads.find((one) => one["digest"] === digest) ?? {};
    expect(load).toMatchObject({ domain: null, repository: `${ACCOUNT_ID}/${repository}` });
    const { username, password } = load as { username: string; password: string };
    const grant = await verifyCredentials(masterKeys(testEnv), username, password, Date.now());
    expect(grant).toMatchObject({ accountId: ACCOUNT_ID, permissions: ["pull"], repositories: [repository] });
    const reference = { kind: "image", name: `${repository}@${digest}` } as const;
    expect(await applicationStub(testEnv, id).uses(reference)).toEqual([`${name}, version 1 (active)`]);
    const jobs = await jobsApplication();
    const job = await submit(
      jobs,
      task("exit 0", { image: `${ACCOUNT_ID}/${repository}:1`, suspend: true, name: "later" }),
    );
    expect(await applicationStub(testEnv, jobs).uses(reference)).toEqual([expect.stringMatching(/, job later$/)]);
    await call("DELETE", `/applications/${jobs}/jobs/${job.id}`);
    expect(await applicationStub(testEnv, jobs).uses(reference)).toEqual([]);
  });
});
