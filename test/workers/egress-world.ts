/** An application with an egress policy that runs, and requests that leave its containers. */
import { exports } from "cloudflare:workers";
import type { Workload } from "../../src/bridge/workload.ts";
import { createApplication, domainError, untilReady, type Envelope } from "./client.ts";
import { containerOf } from "./fake-container.ts";

/** A Worker that echoes answers for every host that is allowed, so that no test needs a network. */
export const HANDLED = [{ hosts: ["*.test"], binding: "STAND_IN_PLAIN" }];

export interface Running {
  readonly id: string;
  readonly name: string;
  /** Of its one member. */
  readonly instance: string;
  readonly deployment: string;
}

/** `egress`: undefined, and its application says nothing of it. */
export async function running(egress: object | undefined, more: object = {}): Promise<Running> {
  const { id, name } = await createApplication({ ...(egress === undefined ? {} : { egress }), ...more });
  const [instance] = await untilReady(id, 1);
  return { id, name, instance: instance?.id ?? "", deployment: instance?.deployment_id ?? "" };
}

/** Who its requests are of, as the platform was told last. */
export function workloadOf(instance: string): Workload {
  const last = containerOf(instance).intercepted.at(-1);
  if (last === undefined) throw new Error("nothing is intercepted");
  return last.workload;
}

/** A request of the container, as the platform brings it to Gantry. */
export async function ask(instance: string, url: string, init: RequestInit = {}): Promise<Response> {
  return await exports.Egress({ props: workloadOf(instance) }).fetch(new Request(url, init));
}

export async function statusOf(instance: string, url: string, method = "GET"): Promise<number> {
  const response = await ask(instance, url, { method });
  await response.arrayBuffer();
  return response.status;
}

/** Which rule denies it, and why. */
export async function denial(instance: string, url: string, method = "GET"): Promise<string> {
  const response = await ask(instance, url, { method });
  const { error, details } = domainError(await response.json<Envelope>());
  return response.status === 403 && error === "EGRESS_DENIED"
    ? `${String(details["rule"])}: ${String(details["reason"])}`
    : `no denial: ${response.status} ${error}`;
}
