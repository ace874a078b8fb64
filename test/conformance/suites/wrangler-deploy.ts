/** `wrangler deploy` of a Worker with a container application: its rollouts, as wrangler sends them. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, it } from "vitest";
import { ACCOUNT_ID, eventually } from "../../e2e/control-plane.ts";
import { startFront, type Front } from "../cloudflare-front.ts";
import { clientBase, freshFolder, plane, removeEverything, requestsInFull, wrangler } from "../stage.ts";

const WORKER = `import { DurableObject } from "cloudflare:workers";
export class Instance extends DurableObject {}
export default { fetch: () => new Response("ok") };
`;

export function wranglerDeploy(): void {
  describe("wrangler deploy", () => {
    let front: Front;
    let folder = "";
    let id = "";
    beforeAll(async () => {
      front = await startFront(clientBase());
      folder = await freshFolder("deploy");
      await writeFile(join(folder, "index.js"), WORKER);
    });
    afterAll(async () => {
      await removeEverything();
      await front.stop();
    });

    /** The bodies of what it asks of the application, by request. */
    async function deploy(container: object, ...flags: string[]): Promise<[string, unknown][]> {
      const image = `registry.cloudflare.com/${ACCOUNT_ID}/hello-world:1.0`;
      const config = {
        name: "rolled",
        main: "index.js",
        compatibility_date: "2026-11-01",
        durable_objects: { bindings: [{ name: "INSTANCE", class_name: "Instance" }] },
        migrations: [{ tag: "v1", new_sqlite_classes: ["Instance"] }],
        containers: [{ name: "deployed", class_name: "Instance", image, max_instances: 4, ...container }],
      };
      await writeFile(join(folder, "wrangler.json"), JSON.stringify(config));
      requestsInFull();
      const { code, stdout, stderr } = await wrangler(["deploy", ...flags], { cwd: folder, base: front.base });
      if (code !== 0) throw new Error(`wrangler deploy ended with ${code}: ${stdout}${stderr}`);
      return requestsInFull()
        .filter(({ method }) => method !== "GET")
        .map(({ method, path, body }) => [`${method} ${path}`, body]);
    }

    it("makes the application", async ({ expect }) => {
      const sent = await deploy({ instance_type: "lite" });
      expect(sent.map(([request]) => request)).toEqual(["POST /containers/applications"]);
      ({ id } = (await plane.call("GET", "/applications/deployed")).result);
      await plane.call("PATCH", `/applications/${id}`, { instances: 2, rollout: { min_healthy_time: 0 } });
      await plane.untilReady(id, 2);
    });

    it.for([
      ["steps", { instance_type: "basic", rollout_step_percentage: [20, 50, 100] }, [], [20, 50, 100]],
      ["step_percentage", { instance_type: "standard-1", rollout_step_percentage: 50 }, [], [50, 100]],
      ["immediate", { instance_type: "lite" }, ["--containers-rollout=immediate"], [100]],
    ] as const)("rolls a change out as it asks: %s", async ([, container, flags, marks], { expect }) => {
      const sent = await deploy(container, ...flags);
      expect(sent.map(([request]) => request)).toEqual([
        `PATCH /containers/applications/${id}`,
        `POST /containers/applications/${id}/rollouts`,
      ]);
      expect(sent[1]?.[1]).toMatchObject({ strategy: "rolling", kind: "full_auto", description: "Progressive update" });
      const rollout = await eventually(async () => {
        const [newest] = (await plane.call("GET", `/applications/${id}/rollouts`)).result;
        return newest?.status === "completed" && newest;
      });
      expect(rollout.steps.map(({ step_size }: { step_size: { percentage: number } }) => step_size.percentage)).toEqual(
        marks,
      );
      const { result } = await plane.call("GET", `/applications/${id}`);
      expect([result.configuration.instance_type, result.instances]).toEqual([container.instance_type, 2]);
    });

    it("by hand waits, and asks Cloudflare for nothing that is not there", async ({ expect }) => {
      await deploy({ instance_type: "basic", rollout_kind: "full_manual", rollout_step_percentage: [50, 100] });
      const rollout = await eventually(async () => {
        const [newest] = (await plane.call("GET", `/applications/${id}/rollouts`)).result;
        return newest?.phase === "waiting" && newest;
      });
      expect(rollout).toMatchObject({ kind: "full_manual", progress: { current_step: 1, updated_instances: 1 } });
      expect(front.unknown).toEqual([]);
    });
  });
}
