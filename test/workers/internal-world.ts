/** What tests of calls between applications ask: a container that calls, and applications that are called. */
import { createExecutionContext } from "cloudflare:test";
import { env, exports } from "cloudflare:workers";
import { callInternal } from "../../src/egress/internal/call.ts";
import type { InternalCaller } from "../../src/egress/internal/identity.ts";
import { internalTarget } from "../../src/egress/internal/target.ts";
import {
  ACCOUNT_ID,
  call,
  createApplication,
  domainError,
  eventually,
  instancesOf,
  untilReady,
  type Envelope,
} from "./client.ts";
import { containerOf } from "./fake-container.ts";

export interface Echo {
  readonly port: number;
  readonly path: string;
  readonly search: string;
  readonly method: string;
  readonly headers: Record<string, string>;
  readonly body: string;
}

const PORTS = [
  { name: "http", port: 8_080 },
  { name: "admin", port: 9_090 },
];
export const PUBLIC = { image: "hello-world", ports: PORTS, network: { mode: "public", assign_ipv4: "predefined" } };
export const PRIVATE = { ingress: { mode: "private" } };

/** A container that calls. Whom its policy names is said with each call. */
export function callerOf(application = "front", more: Partial<InternalCaller> = {}): InternalCaller {
  const instance = "c0ffee".padEnd(64, "0");
  return { accountId: ACCOUNT_ID, application, applicationId: "none", instance, name: null, generation: 4, ...more };
}

/** As the platform brings it to the gateway. */
export async function inside(
  url: string,
  init: RequestInit = {},
  internal: readonly string[] = ["*"],
  caller: InternalCaller = callerOf(),
): Promise<Response> {
  const target = internalTarget(new URL(url), env);
  if (target === null) throw new Error(`${url} is not internal`);
  return await callInternal(new Request(url, init), target, caller, internal, env, createExecutionContext());
}

export async function echo(url: string, init: RequestInit = {}, ...policy: [string[]?, InternalCaller?]) {
  const response = await inside(url, init, ...policy);
  if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`);
  return { ...(await response.json<Echo>()), instance: response.headers.get("gantry-instance") };
}

export async function refusal(url: string, init: RequestInit = {}, ...policy: [string[]?, InternalCaller?]) {
  const response = await inside(url, init, ...policy);
  const { headers, status } = response;
  const told = { code: headers.get("gantry-error"), retryable: headers.get("gantry-retryable") };
  return { status, told, ...domainError(await response.json<Envelope>()) };
}

export async function running(body: Record<string, unknown> = {}, instances = 1) {
  const { id, name } = await createApplication({ instances, ...PRIVATE, ...body });
  const members = await untilReady(id, instances);
  return { id, name, host: `http://${name}.gantry.internal`, members, instance: members[0]?.id ?? "" };
}

export async function named(body: Record<string, unknown> = {}, configuration: Record<string, unknown> = {}) {
  const { id, name } = await createApplication({
    instances: 0,
    named_instances: 3,
    ...PRIVATE,
    configuration: { ...PUBLIC, ...configuration },
    ...body,
  });
  return { id, name, at: (instance: string) => `http://id-${instance}.${name}.gantry.internal` };
}

/** Hosts that are addresses of the instance of that name. */
export async function addressesOf(id: string, instance: string): Promise<{ v4: string; v6: string }> {
  const found = (await instancesOf(id)).find(({ name }) => name === instance);
  const { result } = await call("GET", `/ips?deployment_id=${found?.deployment_id}`);
  const ips: { ip: string; ipType: "v4" | "v6" }[] = result.ips;
  const of = (type: "v4" | "v6") => ips.find(({ ipType }) => ipType === type)?.ip ?? "";
  return { v4: `http://${of("v4")}`, v6: `http://[${of("v6")}]` };
}

export const asleep = (id: string) =>
  eventually(async () => (await instancesOf(id)).every(({ status }) => status.state === "stopped"));

/** A container of an application whose policy names that one; what it calls comes to the gateway, as the platform brings it. */
export async function containerCalling(name: string): Promise<{ instance: string; fetch: typeof inside }> {
  const { id } = await createApplication({ egress: { internal: [name] } });
  const [member] = await untilReady(id, 1);
  const { workload } = containerOf(member?.id ?? "").intercepted.at(-1) ?? {};
  if (workload === undefined) throw new Error("nothing is intercepted");
  const egress = exports.Egress({ props: workload });
  return {
    instance: member?.id ?? "",
    fetch: async (url, init) => await egress.fetch(new Request(url, init)),
  };
}
