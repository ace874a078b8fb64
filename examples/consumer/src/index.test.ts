/** The Worker without Docker and without a control plane. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { acceptUpgrade, createTestContainers } from "gantry/testing";
import worker from "./index.ts";

const { gantry } = createTestContainers({
  hello(request, { id }) {
    const { pathname } = new URL(request.url);
    if (pathname !== "/ws") return Response.json({ id, pathname });
    const { response, socket } = acceptUpgrade();
    socket.addEventListener("message", (event) => socket.send(`${id}: ${String((event as MessageEvent).data)}`));
    return response;
  },
});

const call = (path: string) => worker.fetch(new Request(`https://consumer.test${path}`), { GANTRY: gantry });

void describe("the Worker", () => {
  void it("a room is one container", async () => {
    assert.deepEqual(await (await call("/rooms/7/say/hi")).json(), { id: "room-7", pathname: "/say/hi" });
    assert.equal(await (await call("/ask/7?text=hello")).text(), "room-7: hello");
    assert.equal((await call("/state/7")).status, 200);
  });

  void it("what Gantry refuses is passed on with its reason", async () => {
    gantry.instance("hello", "room-8").refuseNext(9, { code: "QUEUE_FULL", retryAfterMs: 60_000 });
    const response = await call("/rooms/8/");
    assert.equal(response.status, 503);
    assert.equal(response.headers.get("gantry-error"), "QUEUE_FULL");
    assert.equal(response.headers.get("retry-after"), "60");
  });
});
