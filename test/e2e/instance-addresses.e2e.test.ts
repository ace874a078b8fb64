/** Real containers by addresses of their own. */
import { request } from "node:http";
import { afterAll, afterEach, beforeAll, describe, it } from "vitest";
import { ControlPlane, docker, TOKEN, workloads } from "./control-plane.ts";

const plane = new ControlPlane();
beforeAll(() => plane.start());
afterAll(() => plane.stop());
afterEach(async ({ task }) => {
  if (task.result?.state === "fail") plane.debug();
  for (const { id } of (await plane.call("GET", "/applications")).result)
    await plane.call("DELETE", `/applications/${id}`);
});

interface Answer {
  readonly status: number;
  readonly instance: string | undefined;
  readonly body: string;
}

/** As a program calls that has the address in its hosts file, or sends it as the host. */
function get(path: string, host?: string): Promise<Answer> {
  const url = new URL(plane.origin);
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${TOKEN}`, ...(host === undefined ? {} : { host }) };
    const call = request({ host: url.hostname, port: url.port, path, headers }, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => (body += chunk));
      response.on("error", reject);
      response.on("end", () => {
        const instance = response.headers["gantry-instance"];
        resolve({ status: response.statusCode ?? 0, instance: instance?.toString(), body });
      });
    });
    call.on("error", reject);
    call.end();
  });
}

describe("two real containers with a public network", () => {
  it("answer each at its own addresses, and are told them", async ({ expect }) => {
    const id = await plane.create("addressed", {
      instances: 2,
      ingress: { mode: "token" },
      configuration: {
        image: "hello-world",
        ports: [{ name: "http", port: 8080 }],
        checks: [{ type: "http", kind: "ready", port: "http", http: { path: "/health" } }],
        network: { mode: "public", assign_ipv4: "predefined" },
      },
    });
    for (const [slot, instance] of (await plane.untilReady(id, 2)).entries()) {
      const { ips } = (await plane.call("GET", `/ips?deployment_id=${instance.deployment_id}`)).result;
      const [v4, v6]: string[] = ips.map(({ ip }: { ip: string }) => ip);
      expect(v4).toMatch(/^10\.128\./);
      const answers = [
        await get(`/a/addressed/@addressed-${slot}/json`),
        await get(`/a/addressed/@${instance.id}/:8080/json`),
        await get("/json", v4),
        await get("/json", `[${v6}]:8080`),
      ];
      for (const answer of answers) expect(answer).toMatchObject({ status: 200, instance: instance.id });
      expect(await get(`/a/addressed/@${instance.id}/:9/`)).toMatchObject({
        status: 502,
        body: expect.stringContaining("nothing listens on its port 9"),
      });
      const [workload] = await workloads(instance.id);
      const { Env: env } = JSON.parse(await docker("inspect", workload?.id ?? ""))[0].Config;
      expect(env).toEqual(
        expect.arrayContaining(["CLOUDFLARE_PORT_http=8080", `CLOUDFLARE_HOST_ADDR_http=${v4}:8080`]),
      );
    }
  });
});
