/**
 * Where a real container says that it runs. workerd on its own tells every container the same place, which is none: what an
 * application sets itself does not count.
 */
import { afterAll, afterEach, beforeAll, describe, it } from "vitest";
import { ControlPlane, eventually } from "./control-plane.ts";

const plane = new ControlPlane();
beforeAll(() => plane.start());
afterAll(() => plane.stop());
afterEach(async ({ task }) => {
  if (task.result?.state === "fail") plane.debug();
  for (const { id } of (await plane.call("GET", "/applications")).result)
    await plane.call("DELETE", `/applications/${id}`);
});

const OF_WORKERD = { name: "loc01", region: "REGN" };
const configuration = {
  image: "hello-world",
  environment_variables: [{ name: "CLOUDFLARE_REGION", value: "WEUR" }],
};

async function firstOf(id: string) {
  const { result } = await plane.call("GET", `/applications/${id}/instances-v2`);
  return result[0];
}

describe("a real container", () => {
  it("is asked where it runs, and takes traffic whatever it says", async ({ expect }) => {
    const id = await plane.create("asked", { instances: 1, check_every: "1s", configuration });
    await plane.untilReady(id, 1);
    const instance = await eventually(async () => {
      const one = await firstOf(id);
      return one.location.name !== "unknown" && one;
    });
    expect(instance.location).toEqual(OF_WORKERD);
    expect(OF_WORKERD.name).not.toBe(instance.requested_location);
    expect((await plane.ingress("asked", "/json")).status).toBe(200);
  });

  it("takes no traffic where its place has to be verified and is none", async ({ expect }) => {
    const constraints = { jurisdiction: "eu", accept_verified_placement: true };
    const id = await plane.create("verified", { instances: 1, constraints, configuration });
    const instance = await eventually(async () => {
      const one = await firstOf(id);
      return one?.location.region === OF_WORKERD.region && one;
    });
    expect(instance).toMatchObject({ ready: false, status: { reason: expect.stringContaining("REGN") } });
    expect(instance.deployment_id).toMatch(/^eu(?:weur|eeur)-0-/);
  });
});
