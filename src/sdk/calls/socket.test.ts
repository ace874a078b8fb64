import { describe, it } from "vitest";
import { acceptUpgrade } from "../testing/sockets.ts";
import { withTypedErrors } from "./body.ts";
import { containerSocket } from "./socket.ts";

describe("a WebSocket", () => {
  it("that is cut fails its messages and its end with a typed error, after what came before", async ({ expect }) => {
    const { response, socket: server, cut } = acceptUpgrade();
    const socket = containerSocket(response, "one");
    server.send("last");
    cut();
    const got: unknown[] = [];
    const reading = (async () => {
      for await (const message of socket) got.push(message);
    })();
    await expect(reading).rejects.toMatchObject({ code: "CONNECTION_LOST", retryable: false, instance: "one" });
    await expect(socket.closed).rejects.toMatchObject({ code: "CONNECTION_LOST" });
    expect(got).toEqual(["last"]);
  });

  it.for([
    [1_012, "service restart"],
    [1_011, "the container's connection ended"],
  ] as const)("that Gantry ends with %d is cut", async ([code, reason], { expect }) => {
    const { response, socket: server } = acceptUpgrade();
    const socket = containerSocket(response, null);
    server.close(code, reason);
    await expect(socket.closed).rejects.toMatchObject({ code: "CONNECTION_LOST" });
  });

  it.for([
    [1_000, ""],
    [1_011, "my own trouble"],
    [4_000, "bye"],
  ] as const)("that the application closes with %d ends well", async ([code, reason], { expect }) => {
    const { response, socket: server } = acceptUpgrade();
    const socket = containerSocket(response, null);
    server.send(new Uint8Array([1, 2]));
    server.close(code, reason);
    const got: unknown[] = [];
    for await (const message of socket) got.push(message);
    expect(got).toEqual([new Uint8Array([1, 2]).buffer]);
    expect(await socket.closed).toEqual({ code, reason });
  });
});

describe("a streamed answer", () => {
  it("that breaks off says so, and not that it was over", async ({ expect }) => {
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(new TextEncoder().encode("part")),
      pull: (controller) => controller.error(new Error("Network connection lost.")),
    });
    const response = withTypedErrors(new Response(body, { status: 206, headers: { "gantry-instance": "one" } }));
    expect(response.status).toBe(206);
    await expect(response.text()).rejects.toMatchObject({ code: "CONNECTION_LOST", instance: "one" });
  });

  it("that is whole comes through whole, and a reader that stops ends the source", async ({ expect }) => {
    expect(await withTypedErrors(new Response("whole")).text()).toBe("whole");
    let isCancelled = false;
    const endless = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new Uint8Array(8)),
      cancel: () => void (isCancelled = true),
    });
    await withTypedErrors(new Response(endless)).body?.cancel();
    expect(isCancelled).toBe(true);
  });
});
