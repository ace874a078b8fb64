/** `wrangler cloudchamber list | create | modify | delete | curl | ssh`: the legacy base, whose bodies have no envelope. */
import { afterAll, afterEach, beforeAll, describe, it } from "vitest";
import { containers, docker, eventually, workloads } from "../../e2e/control-plane.ts";
import { plane, requests, requestsInFull, wrangler, wranglerFailure, wranglerJson } from "../stage.ts";

const IMAGE = "hello-world:1.0";
const SSH_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIC0chNcjRotdsxXTwPPNoqVCGn4EcEWdUkkBPNm/v4gm someone@example.com";
const UNKNOWN_ID = "00000000-0000-4000-8000-000000000000";

export function wranglerCloudchamber(): void {
  describe("wrangler cloudchamber", () => {
    let location = "";
    beforeAll(async () => {
      location = (await plane.call("GET", "/me")).result.locations[0].location;
    });
    afterEach(removeDeployments);
    afterAll(() => eventually(async () => (await workloads()).length === 0));

    it("list is empty at first", async ({ expect }) => {
      requests();
      expect(await wranglerJson(["cloudchamber", "list"])).toEqual([]);
      expect(requests()).toEqual(["GET /cloudchamber/deployments/v2"]);
    });

    it("create starts a container with the variables and labels that were given", async ({ expect }) => {
      requestsInFull();
      const made = await create("--var", "GREETING:hi:there", "--label", "team:a", "--instance-type", "lite");
      expect(requestsInFull()).toEqual([
        expect.objectContaining({
          method: "POST",
          path: "/cloudchamber/deployments/v2",
          body: {
            image: IMAGE,
            location,
            ssh_public_key_ids: [],
            environment_variables: [{ name: "GREETING", value: "hi:there" }],
            labels: [{ name: "team", value: "a" }],
            instance_type: "lite",
            network: { assign_ipv6: "predefined" },
          },
        }),
      ]);
      expect(made).toMatchObject({
        id: expect.stringMatching(/./),
        image: IMAGE,
        location: { name: location },
        version: 0,
        environment_variables: [{ name: "GREETING", value: "hi:there" }],
        labels: [{ name: "team", value: "a" }],
        instance_type: "lite",
      });
      await untilPlaced(made.id, 0);
      const seen = await wranglerJson(["cloudchamber", "list", made.id]);
      expect(seen.placements).toHaveLength(1);
      expect(seen.placements[0].events.map((event: { name: string }) => event.name)).toEqual(
        expect.arrayContaining(["SchedulerPlaced", "ImagePulled", "VMStarted"]),
      );
      const [workload] = await workloads();
      expect(JSON.parse(await docker("inspect", workload?.id ?? ""))[0].Config.Env).toContain("GREETING=hi:there");
    });

    it("create takes a custom size, and an IPv4 address that is its own", async ({ expect }) => {
      const size = ["--vcpu", "0.5", "--memory", "1GiB", "--ipv4"];
      const [one, other] = await Promise.all([create(...size), create(...size)]);
      expect(one).toMatchObject({ vcpu: 0.5, memory_mib: 1024 });
      const given = await Promise.all([one, other].map(({ id }) => plane.call("GET", `/deployments/${id}/v2`)));
      const addresses = given.map(({ result }) => result.network.ipv4);
      expect(addresses[0]).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
      expect(addresses[0]).not.toBe(addresses[1]);
    });

    it("list filters by location, image, state, label and the beginning of an id", async ({ expect }) => {
      const [red, blue] = await Promise.all(["team:red", "team:blue"].map((label) => create("--label", label)));
      await Promise.all([red, blue].map(({ id }) => untilPlaced(id, 0)));
      const both = idsOf([red, blue]);
      requests();
      const inBoth = [[], ["--location", location], ["--image", IMAGE], ["--state", "running"]];
      for (const found of await Promise.all(inBoth.map((filter) => list(filter)))) expect(idsOf(found)).toEqual(both);
      const inNone = [
        ["--state", "stopped"],
        ["--image", "other:1.0"],
      ];
      for (const found of await Promise.all(inNone.map((filter) => list(filter)))) expect(found).toEqual([]);
      const [labelled, prefixed] = await Promise.all([list(["--label", "team=blue"]), list([red.id])]);
      expect(labelled).toMatchObject({ id: blue.id, placements: [{ deployment_id: blue.id }] });
      expect(prefixed.id).toBe(red.id);
      expect(requests()).toEqual(
        expect.arrayContaining([
          `GET /cloudchamber/deployments/v2?location=${location}`,
          "GET /cloudchamber/deployments/v2?label=team%3Dblue",
          `GET /cloudchamber/deployments/${blue.id}/placements`,
        ]),
      );
    });

    it("modify makes a new version, which a new placement runs", async ({ expect }) => {
      const made = await create("--var", "GREETING:one");
      const before = await untilPlaced(made.id, 0);
      requests();
      const changed = await wranglerJson(["cloudchamber", "modify", made.id, "--var", "GREETING:two"]);
      expect(requests()).toEqual([`PATCH /cloudchamber/deployments/${made.id}/v2`]);
      expect(changed).toMatchObject({ id: made.id, version: 1, image: IMAGE });
      const after = await untilPlaced(made.id, 1);
      expect(after.id).not.toBe(before.id);
      const { placements } = await wranglerJson(["cloudchamber", "list", made.id]);
      expect(placements.map((placement: { deployment_version: number }) => placement.deployment_version)).toEqual(
        expect.arrayContaining([0, 1]),
      );
      const [workload] = await eventually(async () => {
        const seen = await workloads();
        return seen.length === 1 && seen;
      });
      expect(JSON.parse(await docker("inspect", workload?.id ?? ""))[0].Config.Env).toContain("GREETING=two");
    });

    it("delete removes the deployment and its container", async ({ expect }) => {
      const made = await create();
      await untilPlaced(made.id, 0);
      requests();
      const { code } = await wrangler(["cloudchamber", "delete", made.id]);
      expect(code).toBe(0);
      expect(requests()).toEqual([`DELETE /cloudchamber/deployments/${made.id}/v2`]);
      await eventually(async () => (await containers()).length === 0);
      expect((await plane.call("GET", `/deployments/${made.id}/v2`)).status).toBe(404);
    });

    it("curl reaches any route, with a body and headers", async ({ expect }) => {
      expect((await wranglerJson(["cloudchamber", "curl", "/me", "-s"])).locations[0].location).toBe(location);
      const body = JSON.stringify({ name: "curled", instances: 0, configuration: { image: "hello-world" } });
      const made = await wranglerJson(["cloudchamber", "curl", "/applications", "-s", "-X", "POST", "-d", body]);
      expect((await plane.call("GET", "/applications/curled")).result.id).toBe(made.id);
      await plane.call("DELETE", `/applications/${made.id}`);
    });

    it("curl shows the code and the cause of a refusal", async ({ expect }) => {
      const refused = await wranglerJson([
        "cloudchamber",
        "curl",
        "/applications",
        "-s",
        "-X",
        "POST",
        "-d",
        '{"nme":1}',
      ]);
      expect(refused).toMatchObject({ status: 400, body: { error: "VALIDATE_INPUT", request_id: expect.any(String) } });
      expect(refused.body.details).toHaveProperty("nme");
      const missing = await wranglerJson(["cloudchamber", "curl", `/applications/${UNKNOWN_ID}`, "-s"]);
      expect(missing).toMatchObject({ status: 404, body: { error: "APPLICATION_NOT_FOUND" } });
    });

    it("ssh create adds a key that list shows and create --all-ssh-keys uses", async ({ expect }) => {
      expect(await wranglerJson(["cloudchamber", "ssh", "list"])).toEqual([]);
      const added = await wranglerJson(["cloudchamber", "ssh", "create", "--name", "laptop", "--public-key", SSH_KEY]);
      expect(added).toMatchObject({ id: expect.stringMatching(/./), name: "laptop" });
      requests();
      expect(await wranglerJson(["cloudchamber", "ssh", "list"])).toEqual([
        expect.objectContaining({ id: added.id, name: "laptop", public_key: SSH_KEY }),
      ]);
      expect(requests()).toEqual(["GET /cloudchamber/ssh-public-keys"]);
      expect(await create("--all-ssh-keys")).toMatchObject({ ssh_public_key_ids: [added.id] });
      await removeDeployments();
      expect((await plane.call("DELETE", "/ssh-public-keys/laptop")).status).toBe(200);
      expect(await wranglerJson(["cloudchamber", "ssh", "list"])).toEqual([]);
    });

    describe("when it cannot", () => {
      it.for([
        ["hello-world:latest", '"latest" tag is not allowed'],
        ["hello-world", "expected NAME:TAG"],
      ])("create of %s is refused before anything is sent", async ([image, text], { expect }) => {
        requests();
        const args = ["cloudchamber", "create", "--location", location, "--image", image ?? ""];
        expect(await wranglerFailure(args)).toContain(text);
        expect(requests()).toEqual([]);
      });

      it.for([
        ["an image that is not there", { image: "no-such-image:1.0" }, /image|no-such-image/],
        ["a location that is not there", { location: "zzz99" }, /location|zzz99/],
      ] as const)("create names %s, and creates nothing", async ([, change, cause], { expect }) => {
        const { image, location: where } = { image: IMAGE, location, ...change };
        const text = await wranglerFailure(["cloudchamber", "create", "--image", image, "--location", where]);
        expect(text).toContain("Could not create the deployment because of input/limits reasons");
        // The command says no more; the same request by `curl` gives the cause.
        const body = JSON.stringify({ image, location: where });
        const told = await wranglerJson(["cloudchamber", "curl", "/deployments/v2", "-s", "-X", "POST", "-d", body]);
        expect(told.status).toBe(400);
        expect(JSON.stringify(told.body)).toMatch(cause);
        expect((await plane.call("GET", "/deployments/v2")).result).toEqual([]);
      });

      it.for([["modify"], ["delete"]])("%s of an unknown deployment says so", async ([command], { expect }) => {
        expect(await wranglerFailure(["cloudchamber", command ?? "", UNKNOWN_ID])).toContain("Deployment not found");
      });

      it("a wrong token is refused", async ({ expect }) => {
        expect(await wranglerFailure(["cloudchamber", "list"], { token: "wrong-token" })).toContain("Unauthorized");
      });
    });

    // oxlint-disable-next-line typescript/no-explicit-any -- what a test reads of an answer is what it asserts about it
    async function create(...more: string[]): Promise<any> {
      return await wranglerJson(["cloudchamber", "create", "--image", IMAGE, "--location", location, ...more]);
    }
  });
}

// oxlint-disable-next-line typescript/no-explicit-any -- what a test reads of an answer is what it asserts about it
async function list(filter: readonly string[]): Promise<any> {
  return await wranglerJson(["cloudchamber", "list", ...filter]);
}

/** The placement of this version, once it runs. */
async function untilPlaced(id: string, version: number): Promise<{ readonly id: string }> {
  return await eventually(async () => {
    const { current_placement: current } = (await plane.call("GET", `/deployments/${id}/v2`)).result;
    return current?.deployment_version === version && current.status.health === "running" && current;
  });
}

async function removeDeployments(): Promise<void> {
  const { result } = await plane.call("GET", "/deployments/v2");
  for (const { id } of result) await plane.call("DELETE", `/deployments/${id}/v2`);
}

function idsOf(deployments: readonly { readonly id: string }[]): string[] {
  return deployments.map(({ id }) => id).toSorted();
}
