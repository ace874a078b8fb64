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
}

export async function running(egress: object, more: object = {}): Promise<Running> {
  const { id, name } = await createApplication({ egress, ...more });
  const [instance] = await untilReady(id, 1);
  return { id, name, instance: instance?.id ?? "" };
}

/** A request of the container, as the platform brings it to Gantry. */
export async function ask(instance: string, url: string, init: RequestInit = {}): Promise<Response> {
  const last = containerOf(instance).intercepted.at(-1);
  if (last === undefined) throw new Error("nothing is intercepted");
  const props: Workload = last.workload;
  return await exports.Egress({ props }).fetch(new Request(url, init));
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
