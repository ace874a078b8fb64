/** Interception that is switched off underneath: registered as ever, and nothing of it happens. */
import { execFile } from "node:child_process";
import { afterAll, afterEach, beforeAll, describe, inject, it } from "vitest";
import { STAND_IN_SIDECAR } from "../../dev/runtime/sidecar/image.ts";
import { ControlPlane, docker, eventually, workloads } from "./control-plane.ts";

const plane = new ControlPlane();
const WITHOUT = "gantry-test/sidecar-without-interception:latest";
const VARIABLE = "MINIFLARE_CONTAINER_EGRESS_IMAGE";

/** Takes back the route by which it gets at what the workload sends, whenever that is set. */
const DOCKERFILE = `FROM ${STAND_IN_SIDECAR}
ENTRYPOINT ["/bin/sh", "-c", "(while :; do ip route del local 0.0.0.0/0 dev lo table local 2>/dev/null; sleep 0.01; done) & exec nc -l -p 39001 -e node /sidecar/main.cjs \\"$@\\"", "sidecar"]
`;

const isStandIn = () => inject("containerEnv")[VARIABLE] === STAND_IN_SIDECAR;

beforeAll(async () => {
  if (isStandIn()) await build();
  await plane.start({}, isStandIn() ? { [VARIABLE]: WITHOUT } : {});
});
afterAll(() => plane.stop());
afterEach(({ task }) => {
  if (task.result?.state === "fail") plane.debug();
});

function build(): Promise<void> {
  const env = { ...process.env, ...inject("containerEnv"), DOCKER_BUILDKIT: "0" };
  return new Promise((resolve, reject) => {
    const child = execFile("docker", ["build", "-q", "-t", WITHOUT, "-"], { env }, (error) =>
      error === null ? resolve() : reject(error),
    );
    child.stdin?.end(DOCKERFILE);
  });
}

describe("a container whose interception does not work", () => {
  it("has no network at all, gets no traffic, and says why", async ({ expect, skip }) => {
    if (!isStandIn()) skip("the real sidecar cannot be made to do nothing: only the stand-in can");
    const id = await plane.create("blind", {
      instances: 1,
      configuration: { image: "behaves", startup_deadline: "20s" },
      egress: { default: "allow" },
    });
    const failing = await eventually(async () => {
      const { result } = await plane.call("GET", `/applications/${id}/instances-v2`);
      return result[0]?.checks.find(
        (check: { name: string; state: string }) => check.name === "egress" && check.state === "failing",
      );
    });
    expect(failing.detail).toContain("requests of the container do not come to Gantry");
    const [container] = await workloads();
    const asks =
      "fetch(process.argv[1], { signal: AbortSignal.timeout(2000) }).then((r) => console.log(r.status), () => console.log('unreached'))";
    for (const url of ["http://203.0.113.1/", "https://203.0.113.1/", "http://control.gantry.internal/identity"]) {
      expect(await docker("exec", container?.id ?? "", "node", "-e", asks, url)).toBe("unreached");
    }
    const { status } = await plane.ingress("blind");
    expect(status).toBe(503);
    const events = await plane.events(id);
    const said = events.filter((event) => JSON.stringify(event).includes("do not come to Gantry"));
    expect(said.map(({ type, name }) => [type, name])).toContainEqual(["Warn", "ContainerStarted"]);
    await plane.call("DELETE", `/applications/${id}`);
  });
});
