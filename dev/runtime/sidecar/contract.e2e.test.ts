/**
 * The contract between workerd and its networking sidecar, on a real engine.
 */
import { once } from "node:events";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, it, vi } from "vitest";
import { prepareRuntime } from "../prepare.ts";
import * as fixture from "./contract.fixture.ts";

const WORKLOAD = `
require("http").createServer((q, r) => r.end("hello")).listen(8080);
require("http").createServer((q, r) => r.end("on 80")).listen(80);
require("net").createServer({ allowHalfOpen: true }, (s) => {
  let n = 0;
  s.on("data", (b) => (n += b.length)).on("end", () => s.end("got " + n));
}).listen(9000);`;

const fetching = (url: string) =>
  `fetch(${JSON.stringify(url)}).then(async (r) => console.log(r.status, await r.text()), (e) => console.log(e.cause.code))`;

const { env } = await prepareRuntime({ projectDir: join(import.meta.dirname, "../../.."), log: () => {} });
const image = env["MINIFLARE_CONTAINER_EGRESS_IMAGE"];

// Where the real image serves there is nothing of ours to test.
describe.skipIf(image === undefined)("the stand-in sidecar", () => {
  let workerd: fixture.FakeWorkerd;
  let sidecar: fixture.Sidecar;
  const containers: string[] = [];

  beforeAll(async () => {
    workerd = await fixture.startFakeWorkerd();
    // The port on the command line is a wrong one: what counts is the last PUT.
    sidecar = await fixture.startSidecar(image ?? "", 1);
    containers.push(sidecar.id);
    const names = ["allowed.example", "*.pattern.example"];
    const body = { port: workerd.port, internet: { enabled: false }, dns: { allowHostnames: names } };
    const { status } = await fixture.control(sidecar, "PUT", "/egress", body);
    if (status !== 204) throw new Error(`PUT /egress answered ${status}`);
    containers.push(await fixture.startWorkload(sidecar, WORKLOAD));
    await vi.waitFor(async () => {
      const { status: opened, socket } = await fixture.openIngress(sidecar, "127.0.0.1:9000");
      socket.destroy();
      if (opened !== 200) throw new Error("the workload does not listen yet");
    }, 10_000);
  });

  afterAll(async () => {
    workerd.close();
    await fixture.removeContainers(containers);
  });

  beforeEach(() => {
    workerd.status = 200;
    workerd.calls.length = 0;
  });

  describe("on the way in", () => {
    it("refuses a port that nobody listens on with 400", async ({ expect }) => {
      const { status, socket } = await fixture.openIngress(sidecar, "127.0.0.1:7777");
      socket.destroy();
      expect(status).toBe(400);
    });

    it("carries the answer that comes after the request has ended", async ({ expect }) => {
      const { status, socket } = await fixture.openIngress(sidecar, "127.0.0.1:9000");
      expect(status).toBe(200);
      socket.end(Buffer.alloc(1_000_000));
      const [answer] = await once(socket, "data");
      expect(String(answer)).toBe("got 1000000");
    });

    it("reaches a workload on port 80, which the sidecar does not take", async ({ expect }) => {
      const { socket } = await fixture.openIngress(sidecar, "127.0.0.1:80");
      socket.write("GET / HTTP/1.0\r\n\r\n");
      const [answer] = await once(socket, "data");
      socket.destroy();
      expect(String(answer)).toContain("on 80");
    });
  });

  describe("on the way out", () => {
    it("asks workerd about the dialled address and the name in the Host header", async ({ expect }) => {
      const printed = await fixture.runWorkload(sidecar, fetching("http://allowed.example/path"));
      expect(printed).toBe("200 handled allowed.example /path");
      const [call] = workerd.calls;
      expect(call?.destination).toMatch(/^198\.1[89]\.\d+\.\d+:80$/);
      expect(call?.headers).toMatchObject({ "x-proto": "tcp", "x-hostname": "allowed.example" });
    });

    it("ends TLS with a certificate that the published authority signed", async ({ expect }) => {
      const { body: certificate } = await fixture.control(sidecar, "GET", "/ca");
      const printed = await fixture.runWorkload(sidecar, fetching("https://a.pattern.example/path"), certificate);
      expect(printed).toBe("200 handled a.pattern.example /path");
      expect(workerd.calls[0]?.headers["x-tls-sni"]).toBe("a.pattern.example");
    });

    it("keeps an address that was dialled as such", async ({ expect }) => {
      await fixture.runWorkload(sidecar, fetching("http://10.77.1.2/"));
      expect(workerd.calls[0]?.destination).toBe("10.77.1.2:80");
    });

    it("answers 520 to plain HTTP that nobody takes, and resets TLS", async ({ expect }) => {
      workerd.status = 202;
      expect(await fixture.runWorkload(sidecar, fetching("http://9.9.9.9/"))).toBe("520 Origin is disallowed");
      expect(await fixture.runWorkload(sidecar, fetching("https://9.9.9.9/"))).toBe("ECONNRESET");
    });

    it("asks again by name before it passes anything on to the internet", async ({ expect }) => {
      await fixture.control(sidecar, "PUT", "/egress", { internet: { enabled: true } });
      workerd.status = 202;
      await fixture.runWorkload(sidecar, fetching("http://elsewhere.example/"));
      await fixture.control(sidecar, "PUT", "/egress", { internet: { enabled: false } });
      expect(workerd.calls.map(({ destination }) => destination)).toEqual([
        expect.stringMatching(/^198\./),
        "elsewhere.example:80",
      ]);
    });

    it.for(["http://9.9.9.9:5432/", "http://9.9.9.9:8080/", "http://172.17.0.1:8080/"])(
      "refuses %s, a port that nobody intercepts",
      async (url, { expect }) => {
        expect(await fixture.runWorkload(sidecar, fetching(url))).toBe("ECONNREFUSED");
        expect(workerd.calls).toEqual([]);
      },
    );

    it("knows no name but those that workerd let through", async ({ expect }) => {
      expect(await fixture.runWorkload(sidecar, fetching("http://other.example/"))).toBe("ENOTFOUND");
    });

    it("takes no orders from the workload", async ({ expect }) => {
      expect(await fixture.runWorkload(sidecar, fetching("http://127.0.0.1:39001/ca"))).toBe("403");
    });
  });
});
