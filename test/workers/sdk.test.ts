/** The contract of the SDK's handles, on the real entrypoint. */
import { exports } from "cloudflare:workers";
import { vi } from "vitest";
import { createContainers } from "../../src/sdk/containers.ts";
import type { ContainerConfig } from "../../src/sdk/definition/config.ts";
import { handleContract, type Stage } from "../sdk/handle-contract.ts";
import { createApplication, instancesOf, untilReady } from "./client.ts";
import { containerOf, FakeContainer } from "./fake-container.ts";

const PORTS = [
  { name: "http", port: 8_080 },
  { name: "admin", port: 9_090 },
];

/** What containers were asked, by path: of the fake itself only what it answered with 200 is known. */
const asked = new WeakMap<FakeContainer, Map<string, number>>();
// oxlint-disable-next-line typescript/unbound-method -- called below with the object that it belongs to
const answer = FakeContainer.prototype.fetch;

function countRequests(): void {
  vi.spyOn(FakeContainer.prototype, "fetch").mockImplementation(function fetch(this: FakeContainer, port, request) {
    const counts = asked.get(this) ?? new Map<string, number>();
    const { pathname } = new URL(request.url);
    asked.set(this, counts.set(pathname, (counts.get(pathname) ?? 0) + 1));
    return answer.call(this, port, request);
  });
}

handleContract(async (): Promise<Stage> => {
  countRequests();
  const { id: applicationId, name } = await createApplication({
    instances: 3,
    named_instances: 10,
    ingress: { mode: "private" },
    configuration: {
      image: "hello-world",
      ports: PORTS,
      environment_variables: [{ name: "ANSWERS", value: "/busy=429 /down=503" }],
    },
  });
  const [, second] = await untilReady(applicationId, 3);
  const config: ContainerConfig = { image: "./", name };
  const { web } = createContainers(exports.Gantry, { web: config });
  const { unknown } = createContainers<{ unknown: ContainerConfig }>(exports.Gantry);
  const all = async () =>
    (await instancesOf(applicationId)).map((instance) => [instance.id, containerOf(instance.id)] as const);
  return {
    web,
    unknown,
    receivedAt: async (path) =>
      new Map((await all()).map(([key, container]) => [key, asked.get(container)?.get(path) ?? 0])),
    envOf: async (id) => {
      const instance = (await instancesOf(applicationId)).find((one) => one.name === id);
      return containerOf(instance?.id ?? "").starts.at(-1)?.env ?? {};
    },
    hangAt: async (path) => (await all()).forEach(([, container]) => container.hangs.add(path)),
    breakMember: async (path) => void containerOf(second?.id ?? "").statuses.set(path, 500),
  };
});
