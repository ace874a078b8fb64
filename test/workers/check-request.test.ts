/** What the request of a check carries into the container. */
import { describe, it } from "vitest";
import { createApplication, eventually, instancesOf, untilReady } from "./client.ts";
import { containerOf } from "./fake-container.ts";

describe("the request of a check", () => {
  it("has the method, headers and body that the check says", async ({ expect }) => {
    const request = { method: "POST", path: "/check", headers: { "x-asked-by": "me" }, body: "are you there" };
    const { id } = await createApplication({
      configuration: {
        image: "hello-world",
        ports: [{ name: "web", port: 8_080 }],
        checks: [{ type: "http", kind: "ready", port: "web", http: request }],
      },
    });
    await untilReady(id, 1);
    const [instance] = await instancesOf(id);
    const { checked, checkRequests } = containerOf(instance?.id ?? "");
    await eventually(async () => checkRequests.length > 0);
    expect(checked[0]).toBe("/check");
    expect(checkRequests[0]).toBe("POST me are you there");
  });
});
