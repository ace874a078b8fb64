/** The `containers` resource of the official `cloudflare` package. */
import Cloudflare, { AuthenticationError, BadRequestError, ConflictError, NotFoundError } from "cloudflare";
import { afterAll, beforeAll, describe, it } from "vitest";
import { ACCOUNT_ID, eventually, TOKEN, workloads } from "../../e2e/control-plane.ts";
import { clientBase, plane, removeEverything, requests } from "../stage.ts";

const account_id = ACCOUNT_ID;
const stepOf = (percentage: number) => ({ step_size: { percentage }, description: `${percentage} %` });
const UNKNOWN_ID = "00000000-0000-4000-8000-000000000000";

export function cloudflareSdk(): void {
  describe("the cloudflare SDK", () => {
    let client: Cloudflare;
    beforeAll(() => {
      client = clientWith(TOKEN);
      requests();
    });
    afterAll(removeEverything);

    describe("applications", () => {
      let id = "";
      it("create answers with the whole application", async ({ expect }) => {
        requests();
        const made = await client.containers.applications.create({
          ...createParams("sdk", 2),
          configuration: {
            image: "hello-world",
            instance_type: "lite",
            environment_variables: [{ name: "GREETING", value: "hi" }],
          },
        });
        id = made.id;
        expect(requests()).toEqual(["POST /containers/applications"]);
        expect(made).toMatchObject({
          id: expect.stringMatching(/^[0-9a-f-]{32,36}$/),
          account_id,
          name: "sdk",
          scheduling_policy: "default",
          instances: 2,
          max_instances: 5,
          version: 1,
          created_at: expect.stringMatching(/Z$/),
          updated_at: expect.stringMatching(/Z$/),
          configuration: { image: "hello-world", environment_variables: [{ name: "GREETING", value: "hi" }] },
        });
      });

      it("get shows its health as the SDK's types promise", async ({ expect }) => {
        await plane.untilReady(id, 2);
        const application = await client.containers.applications.get(id, { account_id });
        expect(application.health).toMatchObject({
          errors: [],
          instances: { active: 2, assigned: expect.any(Number) },
        });
        expect(await client.containers.applications.get("sdk", { account_id })).toEqual(application);
      });

      it("edit changes what needs no rollout", async ({ expect }) => {
        const edited = await client.containers.applications.edit(id, { account_id, max_instances: 7 });
        // What the SDK does not know: instances are healthy at once.
        await plane.call("PATCH", `/applications/${id}`, { rollout: { min_healthy_time: 0 } });
        expect(edited).toMatchObject({ id, max_instances: 7 });
        expect((await plane.call("GET", `/applications/${id}`)).result.max_instances).toBe(7);
      });

      it("list gives every application once, page by page, and filters by name and image", async ({ expect }) => {
        const names = ["page-a", "page-b", "page-c", "page-d"];
        for (const name of names) await client.containers.applications.create(createParams(name));
        requests();
        const listed: string[] = [];
        for await (const { name } of client.containers.applications.list({ account_id, per_page: 2 }))
          listed.push(name);
        expect(listed.toSorted()).toEqual([...names, "sdk"]);
        expect(requests()).toHaveLength(3);
        const byName = await client.containers.applications.list({ account_id, name: "page-c" });
        expect(byName.result.map(({ name }) => name)).toEqual(["page-c"]);
        const byImage = await client.containers.applications.list({ account_id, image: "another-image" });
        expect(byImage.result).toEqual([]);
      });

      it("versions lists the configuration that runs", async ({ expect }) => {
        const versions = await client.containers.applications.versions.list(id, { account_id });
        expect(versions.result).toEqual([
          expect.objectContaining({
            version: 1,
            percentage: 100,
            configuration: expect.objectContaining({ image: "hello-world" }),
          }),
        ]);
      });

      it.for([
        [{ strategy: "rolling", kind: "full_auto", step_percentage: 50 }, [50, 100]],
        [{ strategy: "rolling", steps: [20, 100].map((percentage) => stepOf(percentage)) }, [20, 100]],
        [{ strategy: "new_instances", kind: "full_manual", percentage: 50 }, null],
      ] as const)("rollouts.create replaces instances as it is asked: %j", async ([asked, marks], { expect }) => {
        requests();
        const made = await client.containers.applications.rollouts.create(id, {
          account_id,
          description: "from the SDK",
          target_configuration: { environment_variables: [{ name: "GREETING", value: JSON.stringify(asked) }] },
          ...asked,
        });
        expect(requests()).toEqual([`POST /containers/applications/${id}/rollouts`]);
        expect(made).toMatchObject({ status: "progressing", strategy: asked.strategy, description: "from the SDK" });
        const phase = marks === null ? "waiting" : "completed";
        const rollout = await eventually(async () => {
          const { result } = await plane.call("GET", `/applications/${id}/rollouts/${made.id}`);
          return result.phase === phase && result;
        });
        if (marks === null) {
          expect(rollout).toMatchObject({ percentage: 50, version_distribution: { target_version_percentage: 50 } });
          await plane.call("POST", `/applications/${id}/rollouts/${made.id}`, { action: "promote" });
          await eventually(async () => {
            const { result } = await plane.call("GET", `/applications/${id}/rollouts/${made.id}`);
            return result.status === "completed";
          });
        } else {
          const steps: { step_size: { percentage: number } }[] = rollout.steps;
          expect(steps.map(({ step_size }) => step_size.percentage)).toEqual(marks);
        }
        await plane.untilReady(id, 2);
      });

      it("instances are listed in both forms, filtered, and got one by one", async ({ expect }) => {
        const { instances } = client.containers.applications;
        const listed = [];
        requests();
        for await (const instance of instances.list(id, { account_id, per_page: 1 })) listed.push(instance);
        expect(requests()[0]).toBe(`GET /containers/applications/${id}/instances-v2?per_page=1`);
        expect(listed.map((instance) => instance.id).toSorted()).toEqual(
          (await plane.instances(id)).map((instance) => instance.id).toSorted(),
        );
        const [first] = listed;
        expect(first).toMatchObject({
          id: expect.stringMatching(/^[0-9a-f]{64}$/),
          application_id: id,
          image: "hello-world",
          status: { state: "running", updated_at: expect.stringMatching(/Z$/) },
          configuration: { vcpu: 0.0625, memory: 256, disk: 2000 },
          started_at: expect.stringMatching(/Z$/),
        });
        expect(await instances.get(first?.id ?? "", { account_id, application_id: id })).toMatchObject({
          id: first?.id,
        });
        const v1 = [];
        for await (const instance of instances.listV1(id, { account_id, per_page: 1 })) v1.push(instance.id);
        expect(v1).toEqual(listed.map((instance) => instance.id));
        expect((await instances.list(id, { account_id, state: "active" })).result).toHaveLength(2);
        expect((await instances.list(id, { account_id, state: "not-active" })).result).toEqual([]);
        const prefix = first?.name ?? "";
        const named = await instances.list(id, { account_id, name_prefix: prefix });
        expect(named.result.map(({ name }) => name?.startsWith(prefix))).toContain(true);
        expect((await instances.list(id, { account_id, name_prefix: "no-such-name" })).result).toEqual([]);
      });

      it("delete says what it did and removes the containers", async ({ expect }) => {
        const { message } = await client.containers.applications.delete(id, { account_id });
        expect(message).toMatch(/./);
        await eventually(async () => (await workloads()).length === 0);
        await expect(client.containers.applications.get(id, { account_id })).rejects.toThrow(NotFoundError);
      });
    });

    describe("registries and images", () => {
      it("create, list and delete a registry", async ({ expect }) => {
        const [store] = (await client.secretsStore.stores.list({ account_id })).result;
        await client.secretsStore.stores.secrets.create(store?.id ?? "", {
          account_id,
          body: [{ name: "sdk-hub-token", value: "s3cret", scopes: ["containers"] }],
        });
        const auth = {
          public_credential: "someone",
          private_credential: { store_id: store?.id ?? "", secret_name: "sdk-hub-token" },
        };
        const params = { account_id, domain: "docker.io", kind: "DockerHub" as const, auth };
        const made = await client.containers.registries.create(params);
        expect(made).toMatchObject({ domain: "docker.io", kind: "DockerHub", created_at: expect.stringMatching(/Z$/) });
        const listed = await client.containers.registries.list({ account_id });
        expect(listed.result).toContainEqual(expect.objectContaining({ domain: "docker.io", kind: "DockerHub" }));
        expect(await client.containers.registries.delete("docker.io", { account_id })).toMatchObject({
          domain: "docker.io",
        });
        const left = await client.containers.registries.list({ account_id });
        expect(left.result.map(({ domain }) => domain)).not.toContain("docker.io");
      });

      it("generates credentials of the managed registry", async ({ expect }) => {
        const given = await client.containers.registries.credentials.generate("registry.cloudflare.com", {
          account_id,
          permissions: ["pull", "list"],
          expiration_minutes: 5,
        });
        expect(given).toMatchObject({
          account_id,
          registry_host: expect.stringMatching(/./),
          username: expect.stringMatching(/./),
          password: expect.stringMatching(/./),
        });
      });

      it("prepare of an image that is nowhere ends in an error with a reason", async ({ expect }) => {
        const image = `registry.cloudflare.com/${account_id}/nowhere@sha256:${"0".repeat(64)}`;
        const prepared = await client.containers.images.prepare({ account_id, image });
        expect(prepared).toMatchObject({ image, status: "error", reason: expect.stringMatching(/./) });
      });

      it("prepare of an image that is declared is ready at once", async ({ expect }) => {
        const prepared = await client.containers.images.prepare({ account_id, image: "hello-world" });
        expect(prepared).toMatchObject({ image: "hello-world", status: "ready" });
      });
    });

    describe("when it cannot", () => {
      it("a name that is taken is a ConflictError at once, without retries", async ({ expect }) => {
        await client.containers.applications.create(createParams("taken"));
        requests();
        const refused = await failureOf(client.containers.applications.create(createParams("taken")));
        expect(refused).toBeInstanceOf(ConflictError);
        expect(refused.message).toContain("already exists");
        expect(requests()).toEqual(["POST /containers/applications"]);
      });

      it("a broken input is a BadRequestError that names the field", async ({ expect }) => {
        const params = createParams("broken");
        // What a caller without the types sends.
        Object.assign(params.configuration, { instance_type: "huge" });
        const refused = await failureOf(client.containers.applications.create(params));
        expect(refused).toBeInstanceOf(BadRequestError);
        expect(refused.message).toContain("configuration.instance_type");
      });

      it("an image that is not there is a BadRequestError, and nothing is created", async ({ expect }) => {
        const params = { ...createParams("imageless"), configuration: { image: "no-such-image" } };
        const refused = await failureOf(client.containers.applications.create(params));
        expect(refused).toBeInstanceOf(BadRequestError);
        expect(refused.message).toContain("no-such-image");
        expect((await plane.call("GET", "/applications/imageless")).status).toBe(404);
      });

      it("an unknown id is a NotFoundError with Cloudflare's code", async ({ expect }) => {
        const refused = await failureOf(client.containers.applications.delete(UNKNOWN_ID, { account_id }));
        expect(refused).toBeInstanceOf(NotFoundError);
        expect(refused).toMatchObject({ errors: [{ code: 1609, message: expect.stringContaining(UNKNOWN_ID) }] });
      });

      it("a wrong token is an AuthenticationError", async ({ expect }) => {
        const stranger = clientWith("wrong-token");
        expect(await failureOf(stranger.containers.applications.list({ account_id }))).toBeInstanceOf(
          AuthenticationError,
        );
      });
    });
  });
}

function createParams(name: string, instances = 0) {
  return {
    account_id,
    name,
    scheduling_policy: "default" as const,
    instances,
    max_instances: 5,
    configuration: { image: "hello-world", instance_type: "lite" as const },
  };
}

function clientWith(apiToken: string): Cloudflare {
  return new Cloudflare({ apiToken, baseURL: clientBase(), apiEmail: null, apiKey: null });
}

async function failureOf(call: PromiseLike<unknown>): Promise<Error> {
  try {
    await call;
  } catch (error) {
    if (error instanceof Error) return error;
  }
  throw new Error("the call succeeded");
}
