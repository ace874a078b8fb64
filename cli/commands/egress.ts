/** `gantry egress …`: what containers may reach, of an application or of one instance, and what they were denied. */
import { stringify } from "yaml";
import { hostPattern } from "../../src/egress/policy/host.ts";
import type { Operations } from "../../src/sdk/client/index.ts";
import { isCode, type Api } from "../api.ts";
import type { ConnectionFlags } from "../connection.ts";
import type { Io } from "../io.ts";
import { readFiles } from "../manifest/read-file.ts";
import { problem, ProblemsError } from "../problems.ts";
import { table } from "../table.ts";
import { EXIT, type ExitCode } from "./apply.ts";
import { openApi } from "./context.ts";

export interface EgressFlags extends ConnectionFlags {
  readonly json?: boolean | undefined;
  readonly instance?: string | undefined;
}

export interface SetFlags extends EgressFlags {
  readonly file: string;
}

export interface DenialFlags extends EgressFlags {
  readonly host?: string | undefined;
}

type List = "allow" | "deny";
type OfApplication = Operations["GET /applications/{id}/egress"]["result"];
type OfInstance = Operations["GET /applications/{id}/instances/{instance_id}/egress"]["result"];
type Policy = OfApplication["policy"];
type Rules = NonNullable<Policy["allow"]>;

/** Somebody else may write in between, now and then. */
const TRIES = 5;
const ID_SHOWN = 8;
const HEAD = ["LAST", "COUNT", "INSTANCE", "METHOD", "HOST", "RULE", "WHY"];

/** As text it is a file that `set` takes. */
export async function egressGet(io: Io, application: string, flags: EgressFlags): Promise<ExitCode> {
  const api = await openApi(io, flags);
  if (flags.instance !== undefined) {
    const { result } = await api.send("GET /applications/{id}/instances/{instance_id}/egress", {
      params: { id: application, instance_id: flags.instance },
    });
    return tellInstance(io, result, flags);
  }
  const { result } = await api.send("GET /applications/{id}/egress", { params: { id: application } });
  const { policy, usage } = result;
  const { requests, denied, bytes_up: up, bytes_down: down } = usage;
  const counts = `# ${requests} requests to hosts, ${denied} of them denied; ${up} bytes up, ${down} down\n`;
  io.out(flags.json === true ? `${JSON.stringify(result)}\n` : `${counts}${stringify(policy)}`);
  return EXIT.done;
}

export async function egressSet(io: Io, application: string, flags: SetFlags): Promise<ExitCode> {
  const documents = await readFiles(io, [flags.file]);
  const [only] = documents;
  if (only === undefined || documents.length > 1 || typeof only.content !== "object" || Array.isArray(only.content)) {
    throw new ProblemsError([
      problem("must be one policy, such as `default: deny`", {
        field: flags.file === "-" ? "standard input" : flags.file,
      }),
    ]);
  }
  const api = await openApi(io, flags);
  await tellPut(io, api, application, await put(api, application, only.content, null), flags);
  return EXIT.done;
}

export async function egressAdd(
  io: Io,
  list: List,
  application: string,
  hosts: readonly string[],
  flags: EgressFlags,
): Promise<ExitCode> {
  const api = await openApi(io, flags);
  if (flags.instance !== undefined) {
    const { result } = await api.send("PATCH /applications/{id}/instances/{instance_id}/egress", {
      params: { id: application, instance_id: flags.instance },
      body: { [list]: hosts },
      idempotencyKey: crypto.randomUUID(),
    });
    return tellInstance(io, result, flags);
  }
  for (let attempt = 1; ; attempt += 1) {
    const { result, etag } = await api.send("GET /applications/{id}/egress", { params: { id: application } });
    const next = added(result.policy, list, hosts);
    try {
      await tellPut(io, api, application, await put(api, application, next, etag), flags);
      return EXIT.done;
    } catch (error) {
      if (attempt === TRIES || !isCode(error, "PRECONDITION_FAILED")) throw error;
    }
  }
}

export async function egressReset(io: Io, application: string, flags: EgressFlags): Promise<ExitCode> {
  if (flags.instance === undefined) {
    throw new ProblemsError([
      problem("is needed: a reset takes back what was changed for one instance", { field: "--instance" }),
    ]);
  }
  const api = await openApi(io, flags);
  const { result } = await api.send("DELETE /applications/{id}/instances/{instance_id}/egress", {
    params: { id: application, instance_id: flags.instance },
    idempotencyKey: crypto.randomUUID(),
  });
  return tellInstance(io, result, flags);
}

export async function egressLog(io: Io, application: string, flags: DenialFlags): Promise<ExitCode> {
  return await tellDenials(io, await openApi(io, flags), application, flags);
}

export async function tellDenials(io: Io, api: Api, application: string, flags: DenialFlags): Promise<ExitCode> {
  const { host: only, instance: wanted } = flags;
  const nameOf = await instanceNames(api, application);
  const named = [...nameOf].find(([, name]) => name === wanted)?.[0] ?? wanted;
  const query = {
    ...(only === undefined ? {} : { host: only }),
    ...(named === undefined ? {} : { instance: named }),
  };
  const denials = await api.list("GET /applications/{id}/egress/log", { params: { id: application }, query });
  if (flags.json === true) {
    for (const denial of denials) io.out(`${JSON.stringify(denial)}\n`);
    return EXIT.done;
  }
  if (denials.length === 0) {
    const of = wanted === undefined ? application : `${application}, instance ${wanted}`;
    io.out(`nothing was denied to ${of}${only === undefined ? "" : `, host ${only}`}.\n`);
    return EXIT.done;
  }
  const rows = denials.map(({ last_at: last, count, instance, method, host, rule, message }) => {
    return [last, String(count), nameOf.get(instance) ?? instance.slice(0, ID_SHOWN), method, host, rule, message];
  });
  io.out(table([HEAD, ...rows]));
  return EXIT.done;
}

/** The policy with these hosts in one of its lists. Throws where that would do something else than it says. */
function added(policy: Policy, list: List, hosts: readonly string[]): Policy {
  const rules = policy[list] ?? [];
  if (list === "allow") {
    if (policy.default === "allow" && policy.allow === undefined) {
      const message =
        "would be all that is allowed: everything is, by default. `gantry egress set` changes the default or the list";
      throw new ProblemsError([problem(message, { field: hosts[0] ?? "" })]);
    }
    const denied = hosts.find((host) => hasWhole(policy.deny ?? [], host));
    if (denied !== undefined) {
      const message = "is denied, which wins: take it out of deny with `gantry egress set`";
      throw new ProblemsError([problem(message, { field: denied })]);
    }
  }
  return { ...policy, [list]: [...rules, ...hosts.filter((host) => !hasWhole(rules, host))] };
}

/** Of those that are there: what a denial was about may be gone. */
async function instanceNames(api: Api, application: string): Promise<ReadonlyMap<string, string>> {
  const all = await api.list("GET /applications/{id}/instances-v2", { params: { id: application } });
  return new Map(all.map(({ id, name }) => [id, name]));
}

/** What is no host the API refuses. */
function hasWhole(rules: Rules, host: string): boolean {
  const parsed = hostPattern(host);
  return "pattern" in parsed && rules.includes(parsed.pattern);
}

async function put(api: Api, application: string, body: unknown, ifMatch: string | null) {
  const sent = { params: { id: application }, body, idempotencyKey: crypto.randomUUID() };
  const { result } = await api.send("PUT /applications/{id}/egress", ifMatch === null ? sent : { ...sent, ifMatch });
  return result;
}

async function tellPut(
  io: Io,
  api: Api,
  application: string,
  result: Awaited<ReturnType<typeof put>>,
  { json }: EgressFlags,
): Promise<void> {
  const { told, pending, restart } = result;
  if (json === true) {
    io.out(`${JSON.stringify(result)}\n`);
    return;
  }
  const count = `${told} running ${told === 1 ? "instance" : "instances"} of ${application}`;
  io.out(`it holds for ${count} from the next request on\n`);
  if (pending.length + restart.length === 0) return;
  const nameOf = await instanceNames(api, application);
  const shown = (ids: readonly string[]) => ids.map((id) => nameOf.get(id) ?? id.slice(0, ID_SHOWN)).join(", ");
  if (pending.length > 0) io.err(`not heard from, and told with their next report: ${shown(pending)}\n`);
  if (restart.length > 0) io.err(`${AFTER_RESTART}: ${shown(restart)}\n`);
}

function tellInstance(io: Io, result: OfInstance, { json }: EgressFlags): ExitCode {
  const { policy, overrides, verified, restart_needed: isBehind } = result;
  if (json === true) {
    io.out(`${JSON.stringify(result)}\n`);
    return EXIT.done;
  }
  const changes = (["allow", "deny"] as const).flatMap((list) => {
    const { set, added: more, removed } = overrides[list];
    return [
      ...(set === null ? [] : [`# ${list} is its own: ${set.join(", ") || "nothing"}`]),
      ...(more.length === 0 ? [] : [`# ${list}, in addition: ${more.join(", ")}`]),
      ...(removed.length === 0 ? [] : [`# ${list}, taken off: ${removed.join(", ")}`]),
    ];
  });
  const shown = changes.length === 0 ? ["# nothing was changed for it alone"] : changes;
  const restart = isBehind ? [`# ${AFTER_RESTART}`] : [];
  const lines = [`# ${VERIFIED[verified ?? "none"]}`, ...restart, ...shown];
  io.out(`${lines.join("\n")}\n${stringify(policy)}`);
  return EXIT.done;
}

const AFTER_RESTART = "all of it (HTTPS, `open`) holds only after a restart";

const VERIFIED = {
  probe: "enforced: a request from inside has shown it",
  registration: "enforced: the interception is registered; no request from inside has shown it",
  pending: "not shown to be enforced yet: it gets no traffic",
  open: "open: its container goes past all of this",
  none: "it runs no container",
} as const;
