/** Applications that are spread over several scheduler objects: through the API nobody sees it. */
import { describe, it } from "vitest";
import { parseDeploymentId } from "../../src/orchestrator/deployment-id.ts";
import { call, createApplication, eventually, instancesOf, untilReady } from "./client.ts";
import { spreadOver } from "./shard-count.ts";

describe.each([1, 2])("an application over %i objects", (shards) => {
  it("is made, scaled and deleted", async ({ expect }) => {
    spreadOver(shards);
    const { id, name } = await createApplication({ instances: 5 });
    const instances = await untilReady(id, 5);
    expect(instances.map((one) => one.name)).toEqual([0, 1, 2, 3, 4].map((slot) => `${name}-${slot}`));
    const own = instances.map(({ deployment_id }) => parseDeploymentId(deployment_id)?.shard);
    expect(own).toEqual(shards === 1 ? [0, 0, 0, 0, 0] : [0, 1, 0, 1, 0]);
    await call("PATCH", `/applications/${id}`, { instances: 2 });
    await eventually(async () => (await instancesOf(id)).length === 2);
    await call("DELETE", `/applications/${id}`);
  });
});
