/**
 * Requests to one instance by an address of its own: `/a/<application>/@<instance>/…`, with `/:<port>` behind it for a
 * port other than the first, or a host that is an address which the instance was given. No other instance ever answers
 * in its place. An instance that is called by name is made by its first call and started by every later one. What a caller may reach is the network mode's: every port, the declared ones,
 * or nothing; who may call is the application's ingress, as for the application itself.
 */
import { errorResponse } from "../api/envelope.ts";
import { GantryError } from "../errors.ts";
import type { AddressedInstance, InstanceRouting } from "../orchestrator/instance-routing.ts";
import { isCallable } from "../orchestrator/names.ts";
import { sleep } from "../sleep.ts";
import { FROM_OUTSIDE, type Access } from "./access.ts";
import { admit, forward, send, untilAborted } from "./ingress.ts";
import { callInstance, forgetInstance, instanceByAddress, instanceByName } from "./instance-lookup.ts";
import { isolate, refuseAsCode } from "./path-isolation.ts";
import { DIRECT, DIRECT_HEADER, PORT_HEADER, refusalOf, TERMINAL_HEADER } from "./refusal.ts";
import { makeReplayable } from "./replay.ts";

/** Between tries of an instance that said no twice. */
const RETRY_PAUSE_MS = 50;
/** Between looks at one that is waited for. */
const LOOK_PAUSE_MS = 250;

export type InstanceTarget =
  | {
      readonly application: string;
      /** Whose application; absent: the first account's. */
      readonly account?: string;
      /** Name, id, or id of the deployment. */
      readonly instance: string;
      readonly port: number | null;
      /** What is taken off the path. */
      readonly prefix: string;
    }
  | { readonly address: string; readonly port: number | null };

export async function serveInstance(target: InstanceTarget, request: Request, env: Env): Promise<Response> {
  try {
    if ("instance" in target) refuseAsCode(request);
    return await callInstanceAt(target, request, env);
  } catch (error) {
    return errorResponse(error);
  }
}

/** Throws why it has not answered. */
export async function callInstanceAt(
  target: InstanceTarget,
  request: Request,
  env: Env,
  access: Access = FROM_OUTSIDE,
): Promise<Response> {
  const deadline = Date.now() + access.waitMs;
  const isNamed = "instance" in target;
  const call = await makeReplayable(request);
  for (let attempt = 0; ; attempt += 1) {
    let routing = await ready(target, request, env, access, deadline);
    if (access.inside !== null && !call.canResend && routing.instance !== null) {
      // What can be sent only once goes to where it is now, and not moments ago.
      forgetInstance(routing.instance.member.deploymentId);
      routing = await ready(target, request, env, access, deadline);
    }
    const { instance } = routing;
    if (instance === null) throw unknown(routing, isNamed ? target.instance : target.address);
    const port = access.isTrusted ? (target.port ?? instance.defaultPort) : openPort(routing, instance, target.port);
    if (instance.unavailable !== null) throw notReady(routing, instance);
    const prefix = isNamed && !access.isTrusted ? target.prefix : null;
    const forwarded = forward({ prefix }, routing, call.next(), access);
    const sent = new Request(forwarded);
    sent.headers.set(DIRECT_HEADER, DIRECT.named);
    // Where none is asked for, the instance knows its own: it may run another version than a moment ago.
    if (target.port !== null) sent.headers.set(PORT_HEADER, String(port));
    if (access.isTerminal) sent.headers.set(TERMINAL_HEADER, "1");
    const response = await send(instance.member, sent, env);
    const refusal = refusalOf(response);
    if (refusal === null) return prefix === null ? response : isolate(response);
    forgetInstance(instance.member.deploymentId);
    const mayRepeat = call.canResend && (refusal === "not-ready" || (refusal === "unreachable" && call.isIdempotent));
    // Whoever is called by name is started again; any other instance says that it is not there now.
    const isWaitedFor = instance.isNamed || access.inside !== null;
    if (isWaitedFor && mayRepeat && Date.now() < deadline) {
      if (attempt > 0) await sleep(RETRY_PAUSE_MS);
      continue;
    }
    if (refusal === "not-ready") throw notReady(routing, instance);
    const why = refusal === "not-listening" ? `nothing listens on its port ${port}` : "it is unreachable";
    const message = `instance ${instance.instanceName} did not answer: ${why}`;
    throw new GantryError("INSTANCE_UNREACHABLE", message, { ...detailsOf(routing, instance), port });
  }
}

/** Where the instance is. One that is called by name is made, or started, and waited for. */
async function ready(
  target: InstanceTarget,
  request: Request,
  env: Env,
  access: Access,
  deadline: number,
): Promise<InstanceRouting> {
  const look = async () => {
    const routing =
      "instance" in target
        ? await instanceByName(target.application, target.instance, env, target.account)
        : await instanceByAddress(target.address, env);
    await admit(routing, request, env, access);
    return routing;
  };
  const routing = await look();
  const { instance, hasNamed, name } = routing;
  if ("instance" in target) {
    const isCalled = instance === null ? hasNamed && isCallable(name, target.instance) : isAsleep(instance);
    if (isCalled) {
      return await untilAborted(callInstance(routing, target.instance, deadline - Date.now(), env), request.signal);
    }
  }
  return access.inside === null ? routing : await untilBack(routing, look, request.signal, env, deadline);
}

function isAsleep({ isNamed, unavailable }: AddressedInstance): boolean {
  return isNamed && unavailable !== null;
}

/** The same instance, once it takes requests; as it is now when it will not in time, or not by itself. */
async function untilBack(
  first: InstanceRouting,
  look: () => Promise<InstanceRouting>,
  signal: AbortSignal,
  env: Env,
  deadline: number,
): Promise<InstanceRouting> {
  let routing = first;
  for (;;) {
    const { instance } = routing;
    if (instance === null || instance.unavailable === null) return routing;
    const { isPassing, retryAfterS } = instance.unavailable;
    const leftMs = deadline - Date.now();
    if (!isPassing || retryAfterS * 1_000 > leftMs) return routing;
    if (instance.isNamed) {
      const called = await untilAborted(callInstance(routing, instance.instanceName, leftMs, env), signal);
      // Whoever has its name by now is another one.
      if (called.instance?.member.deploymentId === instance.member.deploymentId) return called;
      return { ...routing, instance: null };
    }
    await untilAborted(sleep(LOOK_PAUSE_MS), signal);
    routing = await look();
  }
}

/** The port that is meant, if the network mode opens it. */
function openPort(routing: InstanceRouting, instance: AddressedInstance, wanted: number | null): number {
  const { mode, ports, defaultPort, instanceName } = instance;
  const details = { ...detailsOf(routing, instance), "network.mode": mode };
  // A name is no address: what is called by it needs none.
  if (mode === "private" && !instance.isNamed) {
    const fix = 'set configuration.network.mode to "public" or "public-by-port" and roll it out';
    const message = `instance ${instanceName} has no address of its own, since its network is private: ${fix}`;
    throw new GantryError("NO_OWN_ADDRESS", message, details);
  }
  const port = wanted ?? defaultPort;
  const isDeclared = ports.some((declared) => declared.port === port) || (mode === "private" && port === defaultPort);
  if (mode !== "public" && !isDeclared) {
    const open = ports.map((declared) => `${declared.port} (${declared.name})`);
    const message = `port ${port} of ${instanceName} is not public; its public ports: ${open.join(", ")}`;
    throw new GantryError("PORT_NOT_PUBLIC", message, { ...details, port, ports: open });
  }
  return port;
}

function unknown({ name, applicationId }: InstanceRouting, wanted: string): GantryError {
  const instance = wanted.slice(0, 100);
  const message = `application ${name} has no instance ${instance}`;
  return new GantryError("INSTANCE_NOT_FOUND", message, { application: name, application_id: applicationId, instance });
}

function notReady(routing: InstanceRouting, instance: AddressedInstance): GantryError {
  const { reason, retryAfterS } = instance.unavailable ?? { reason: "it is not ready", retryAfterS: 1 };
  const message = `instance ${instance.instanceName} takes no requests: ${reason}`;
  return new GantryError("INSTANCE_NOT_READY", message, { ...detailsOf(routing, instance), retry_after: retryAfterS });
}

function detailsOf({ name }: InstanceRouting, { member, instanceName }: AddressedInstance) {
  return { application: name, instance: member.instanceId, instance_name: instanceName };
}

/** An address as the host, or an `@` that begins a part of the path. */
const MAY_BE_INSTANCE = /^https?:\/\/(?:\[|\d+\.\d+\.)|\/@/;

/** A URL has its host in the canonical form already. */
function addressIn({ hostname }: URL): string | null {
  if (hostname.startsWith("[")) return hostname.slice(1, -1);
  return /^\d+\.\d+\.\d+\.\d+$/.test(hostname) ? hostname : null;
}

const BY_NAME = /^\/a\/([^/]+)\/@([^/]+)(?:\/:(\d{1,5}))?(?=\/|$)/;

/** Null when the request is for no instance of its own. `isAddress`: is this address one of those that Gantry gives? */
export function instanceTarget(requestUrl: string, isAddress: (address: string) => boolean): InstanceTarget | null {
  // Every request passes here, and most are for no instance.
  if (!MAY_BE_INSTANCE.test(requestUrl)) return null;
  const url = new URL(requestUrl);
  const address = addressIn(url);
  if (address !== null && isAddress(address)) {
    return { address, port: url.port === "" ? null : Number(url.port) };
  }
  const match = BY_NAME.exec(url.pathname);
  if (match === null) return null;
  const [prefix, application = "", instance = "", port] = match;
  return { application: decoded(application), instance: decoded(instance), port: portOf(port), prefix };
}

/** A port that no socket has is none that is open: 0 is refused by every mode but `public`, where nothing listens. */
function portOf(text: string | undefined): number | null {
  return text === undefined ? null : Math.min(Number(text), 65_535);
}

/** What is not an encoding is not a name either: it stays as it is and is not found. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
