/**
 * The walk: request after request against a control plane, each chosen by a seeded generator from openapi.json and from
 * what the answers so far have told. One at a time, so that a seed gives the same requests again.
 */
import { Random } from "../simulation/random.ts";
import { BREAKAGES, type Draft } from "./broken.ts";
import { Checker, type Answer } from "./checker.ts";
import { Client, curl, type Sent } from "./client.ts";
import type { Contract, Operation } from "./document.ts";
import { hint, repair, tame } from "./inputs.ts";
import { Known } from "./known.ts";
import { makeRoom, staged } from "./stages.ts";
import { uuid, Values } from "./values.ts";

export interface WalkOptions {
  readonly contract: Contract;
  readonly origin: URL;
  readonly token: string;
  readonly accountId: string;
  readonly requests: number;
  readonly seed: number;
  readonly log: (line: string) => void;
}

export interface Defect {
  readonly problems: readonly string[];
  readonly request: string;
  readonly answer: string;
}

export interface OperationCounts {
  readonly id: string;
  readonly method: string;
  readonly path: string;
  /** Answers by status. */
  readonly statuses: Record<string, number>;
  /** The last refusal of input that was meant well, where nothing succeeded. */
  readonly refusal?: string;
}

export interface WalkReport {
  readonly seed: number;
  readonly sent: number;
  readonly defects: readonly Defect[];
  readonly operations: readonly OperationCounts[];
  /** Operations that never answered with success. */
  readonly unreached: readonly string[];
}

/** Enough to mend; more would be the same again. */
const MAX_DEFECTS = 50;
const BROKEN = 0.4;
const ALIASED = 0.1;
const MISSING = 0.08;
const KEYED = 0.15;
/** Beyond this many applications the walk deletes more than it creates. */
const MAX_APPLICATIONS = 25;
const LAST_ROUNDS = 40;
/** Where the names of each kind that may have an owner are known from. */
const OWNED: Readonly<Record<string, string>> = {
  application: "applications",
  secret: "secrets",
  "ssh-key": "ssh-public-keys",
  registry: "registries",
  protocol: "protos",
};
const METHODS = ["GET", "POST", "PATCH", "PUT", "DELETE", "OPTIONS"] as const;
/** Statuses whose answers are not kept for an idempotency key. */
const NOT_KEPT: ReadonlySet<number> = new Set([400, 408, 409, 412, 422, 429]);

export class Walk {
  readonly #options: WalkOptions;
  readonly #random: Random;
  readonly #values: Values;
  readonly #checker: Checker;
  readonly #client: Client;
  readonly #known = new Known();
  readonly #secrets: string[] = [];
  readonly #defects: Defect[] = [];
  readonly #seen = new Set<string>();
  readonly #counts = new Map<Operation, Record<string, number>>();
  readonly #refusals = new Map<Operation, string>();
  /** Of the registry. */
  #login: string | undefined;
  #sent = 0;
  /** Nothing is left to chance any more. */
  #isReaching = false;

  constructor(options: WalkOptions) {
    this.#options = options;
    this.#random = new Random(options.seed);
    this.#checker = new Checker(options.contract);
    this.#client = new Client(options.origin);
    const { document } = options.contract;
    this.#values = new Values(document, this.#random, (path, schema, random) => {
      return path.at(-1) === "value" && path.length === 1 ? this.#secret() : hint(path, schema, random, this.#known);
    });
  }

  async run(): Promise<WalkReport> {
    const { contract, requests, seed } = this.#options;
    const { operations } = contract;
    try {
      while (this.#sent < requests && this.#defects.length < MAX_DEFECTS) {
        // Every operation once in a round, in a new order.
        for (const operation of this.#shuffled(operations)) {
          await this.#visit(operation);
          if (this.#sent >= requests || this.#defects.length >= MAX_DEFECTS) break;
        }
      }
      await this.#reachRest();
      await this.#cleanUp();
    } finally {
      this.#client.close();
    }
    const counted = operations.map((operation) => {
      const { id, method, path } = operation;
      const refusal = this.#isReached(operation) ? undefined : this.#refusals.get(operation);
      const statuses = this.#counts.get(operation) ?? {};
      return { id, method, path, statuses, ...(refusal === undefined ? {} : { refusal }) };
    });
    const unreached = operations.filter((operation) => !this.#isReached(operation));
    return {
      seed,
      sent: this.#sent,
      defects: this.#defects,
      operations: counted,
      unreached: unreached.map(({ method, path }) => `${method} ${path}`),
    };
  }

  /**
   * While chance has left something out: rounds of good input only, what is deleted apart, since what was left out may
   * need another operation first. So a miss is a defect and no bad luck.
   */
  async #reachRest(): Promise<void> {
    const { operations } = this.#options.contract;
    this.#isReaching = true;
    if (operations.every((each) => this.#isReached(each))) return;
    const { accountId, token } = this.#options;
    const stages = {
      random: this.#random,
      accountId,
      token,
      exchange: async (sent: Sent) => await this.#exchange(sent),
    };
    await makeRoom(stages);
    for (let round = 0; round < LAST_ROUNDS && !operations.every((each) => this.#isReached(each)); round++) {
      for (const operation of operations) {
        // A lease that is held keeps everything else out.
        const isKept = operation.method === "DELETE" && !operation.path.endsWith("/lease");
        if (isKept && this.#isReached(operation)) continue;
        const stage = this.#isReached(operation) ? null : await staged(operation, stages);
        if (stage !== null) await this.#send(operation, { ...stage, mustFail: false });
        else await this.#send(operation, this.#draft(operation));
      }
    }
  }

  /** A wait that ends with its time has done what it is there for: what it waits for is a matter of moments. */
  #isReached(operation: Operation): boolean {
    const isWait = operation.path.endsWith("/wait");
    const statuses = Object.keys(this.#counts.get(operation) ?? {}).map(Number);
    return statuses.some((status) => status < 300 || (isWait && status === 408));
  }

  async #visit(operation: Operation): Promise<void> {
    const isFull = this.#known.count("applications") > MAX_APPLICATIONS;
    if (isFull && operation.method === "POST" && operation.path.endsWith("/applications")) return;
    // What deletes the subjects of all others is wanted less often, while they are few.
    const takesAway = operation.method === "DELETE" && !operation.path.endsWith("/lease");
    if (takesAway && !isFull && this.#random.chance(0.6)) return;
    const draft = this.#draft(operation);
    if (this.#random.chance(BROKEN)) await this.#sendBroken(operation, draft);
    else if (operation.method !== "GET" && this.#random.chance(KEYED)) await this.#sendTwice(operation, draft);
    else await this.#send(operation, draft);
  }

  #draft(operation: Operation): Draft {
    const path = this.#path(operation);
    const headers: Record<string, string> = operation.isPublic
      ? {}
      : { authorization: `Bearer ${this.#options.token}` };
    for (const { name, in: where } of operation.parameters) {
      if (where !== "header") continue;
      const nonce = this.#known.below("lease", safeDecode(path.split("/applications/")[1]?.split("/")[0] ?? ""));
      if (name === "Gantry-Lease-Nonce" && nonce !== undefined) headers["gantry-lease-nonce"] = nonce;
      const etag = this.#known.etag(path);
      if ((name === "If-Match" || name === "If-None-Match") && etag !== undefined && this.#random.chance(0.3)) {
        headers[name.toLowerCase()] = this.#random.chance(0.8) ? etag : `${etag}, "*"`;
      }
    }
    if (operation.path === "/v2" && this.#login !== undefined) headers["authorization"] = this.#login;
    const base: Draft = {
      method: operation.method,
      target: `${path}${this.#query(operation)}`,
      headers,
      mustFail: false,
    };
    if (operation.body === null) return base;
    const value = tame(repair(this.#values.of(operation.body), operation.path, this.#random));
    headers["content-type"] = "application/json";
    return { ...base, value, body: JSON.stringify(value) };
  }

  #path(operation: Operation): string {
    const { accountId, contract } = this.#options;
    const alias = Object.entries(contract.aliases).find(([base]) => operation.path.startsWith(`${base}/`));
    const template =
      alias !== undefined && this.#random.chance(ALIASED) ? operation.path.replace(alias[0], alias[1]) : operation.path;
    const segments: string[] = [];
    let parent = "";
    const parts = template.split("/");
    for (const [index, segment] of parts.entries()) {
      if (!segment.startsWith("{")) segments.push(segment);
      else if (segment === "{account_id}") segments.push(accountId);
      else {
        const next = parts[index + 1];
        const isSubject =
          parts[index + 2]?.startsWith("{") === true || (next === "lease" && operation.method !== "POST");
        const child = isSubject ? next : undefined;
        const value = this.#parameter(operation, segment.slice(1, -1), segments.at(-1) ?? "", parent, child);
        parent = value;
        segments.push(encodeURIComponent(value));
      }
    }
    return segments.join("/");
  }

  #parameter(operation: Operation, name: string, segment: string, parent: string, child: string | undefined): string {
    const declared = operation.parameters.find((parameter) => parameter.in === "path" && parameter.name === name);
    if (declared?.schema.enum !== undefined) return String(this.#values.of(declared.schema));
    const isMissing = !this.#isReaching && this.#random.chance(MISSING);
    if (segment === "owners") return this.#random.pick(Object.keys(OWNED) as [string, ...string[]]);
    const [from, below] = operation.path.includes("/owners/") ? [OWNED[segment] ?? "", ""] : [segment, parent];
    const known = isMissing ? undefined : this.#known.pick(from, below, child, this.#random);
    return known ?? (this.#random.chance(0.5) ? uuid(this.#random) : `n${this.#random.between(1, 50)}`);
  }

  #query(operation: Operation): string {
    const parts = operation.parameters.flatMap(({ name, in: where, required, schema }) => {
      // Without a timeout a wait takes half a minute.
      const isWanted = required || name === "timeout" || this.#random.chance(0.25);
      if (where !== "query" || !isWanted) return [];
      const value = this.#queryValue(name, schema);
      const items = value === undefined ? [] : [value].flat();
      return items.map((item) => `${name}=${encodeURIComponent(item as string | number | boolean)}`);
    });
    return parts.length === 0 ? "" : `?${parts.join("&")}`;
  }

  /** Undefined for what only an earlier answer can tell. */
  #queryValue(name: string, schema: Operation["parameters"][number]["schema"]): unknown {
    if (name === "page_token") return undefined;
    if (name === "application" || name === "app_id")
      return this.#known.pick("applications", "", undefined, this.#random) ?? "none";
    if (name === "name") return this.#known.pick("applications", "", undefined, this.#random) ?? "none";
    // Waits end at once rather than after half a minute.
    if (name === "timeout") return this.#random.chance(0.5) ? "0.2" : "0.1s";
    const usual = ["settled", "running"].find((state) => schema.enum?.includes(state));
    if (name === "state" && usual !== undefined && this.#random.chance(0.7)) return usual;
    if (name === "force") return "true";
    // What is followed has no end.
    if (name === "follow") return "false";
    if (name === "since" || name === "until") return name === "since" ? "2026-01-31T12:00:00Z" : "2999-01-31T12:00:00Z";
    if (name === "job" || name === "instance") return undefined;
    return this.#values.of(schema, ["?", name]);
  }

  async #sendBroken(operation: Operation, draft: Draft): Promise<void> {
    if (this.#random.chance(0.08)) return await this.#sendOtherMethod(draft);
    for (let tries = 0; tries < 10; tries++) {
      const { name, apply } = this.#random.pick(BREAKAGES);
      const broken = apply(draft, this.#random);
      // A public path has no parameters and no token to be wrong about.
      if (broken === null || (operation.isPublic && broken.mustFail)) continue;
      const tamed = broken.value === undefined ? broken : { ...broken, ...this.#tamed(broken) };
      await this.#send(operation, tamed, name);
      return;
    }
    await this.#send(operation, draft);
  }

  #tamed(draft: Draft): Pick<Draft, "value" | "body"> {
    const value = tame(draft.value);
    // Spelled as it was, unless it was changed: the spelling may be what is broken.
    if (value === draft.value && draft.body !== undefined) return { value, body: draft.body };
    return { value, body: JSON.stringify(value) };
  }

  async #sendOtherMethod(draft: Draft): Promise<void> {
    const [path = ""] = draft.target.split("?");
    const taken = new Set(
      this.#options.contract.operations.filter((known) => isOf(known, path)).map(({ method }) => method),
    );
    const method = this.#random.pick(METHODS);
    if (taken.has(method) || taken.size === 0) return;
    const answer = await this.#exchange({ ...draft, method });
    this.#judge({ ...draft, method }, answer, null, "another method");
  }

  /** With one idempotency key, twice: the second answer is the first one. */
  async #sendTwice(operation: Operation, draft: Draft): Promise<void> {
    const keyed = { ...draft, headers: { ...draft.headers, "idempotency-key": uuid(this.#random) } };
    const first = await this.#send(operation, keyed, "with a key");
    if (NOT_KEPT.has(first.status) || first.status === 401 || first.status >= 500) return;
    const second = await this.#send(operation, keyed, "with a key, again");
    const same = first.status === second.status && first.body === second.body;
    if (same && (second.headers["idempotency-replayed"] === "true" || first.status >= 400)) return;
    this.#report(keyed, second, [`a retry with one Idempotency-Key answers otherwise: first ${describe(first)}`]);
  }

  async #send(operation: Operation, draft: Draft, kind = "valid"): Promise<Answer> {
    const answer = await this.#exchange(draft);
    const [path = ""] = draft.target.split("?");
    // A strange id may make it another path, such as a collection.
    const meant = isOf(operation, path)
      ? operation
      : this.#options.contract.operations.find((known) => known.method === draft.method && isOf(known, path));
    if (meant === undefined) {
      if (answer.status >= 500) this.#report(draft, answer, [`${kind}: answers ${answer.status}`]);
      return answer;
    }
    const counts = this.#counts.get(meant) ?? {};
    this.#counts.set(meant, counts);
    counts[answer.status] = (counts[answer.status] ?? 0) + 1;
    this.#judge(draft, answer, meant, kind);
    if (kind === "valid" && answer.status >= 400) this.#refusals.set(meant, `${draft.body ?? ""} ${describe(answer)}`);
    if (answer.status < 300) this.#learn(draft, path, answer, meant);
    if (answer.status === 404 && kind === "valid") this.#unlearn(path);
    return answer;
  }

  async #exchange(sent: Sent): Promise<Answer> {
    this.#sent++;
    try {
      return await this.#client.send(sent);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new Error(
        `request ${this.#sent} of seed ${this.#options.seed}: ${reason}\n${curl(this.#options.origin, sent)}`,
        {
          cause: error,
        },
      );
    }
  }

  #judge(draft: Draft, answer: Answer, operation: Operation | null, kind: string): void {
    const { value, mustFail } = draft;
    const judged = { operation, mustFail, secrets: this.#secrets, ...("value" in draft ? { body: value } : {}) };
    const problems = this.#checker.problemsOf(judged, answer);
    if (problems.length > 0)
      this.#report(
        draft,
        answer,
        problems.map((problem) => `${kind}: ${problem}`),
      );
  }

  #learn(draft: Draft, path: string, answer: Answer, operation: Operation): void {
    if (answer.headers["etag"] !== undefined) this.#known.rememberEtag(path, answer.headers["etag"]);
    if (!(answer.headers["content-type"] ?? "").startsWith("application/json")) return;
    const body: unknown = JSON.parse(answer.body);
    const isEnveloped = typeof body === "object" && body !== null && "success" in body && "result" in body;
    const result = isEnveloped ? (body as { result: unknown }).result : body;
    if (operation.isPublic) return;
    const { username, password } = (result ?? {}) as { username?: string; password?: string };
    if (username !== undefined && password !== undefined) this.#login = `Basic ${btoa(`${username}:${password}`)}`;
    this.#known.learn(draft.method, segmentsOf(path), result, !draft.target.includes("?"));
  }

  /** What an id leads to nowhere more, nothing else is asked about: most of the rest is to meet what is there. */
  #unlearn(path: string): void {
    for (const value of segmentsOf(path)) this.#known.forget(value);
  }

  #report(sent: Sent, answer: Answer, problems: readonly string[]): void {
    // The same problem of the same operation once.
    const key = JSON.stringify([
      sent.method,
      sent.target.split("?")[0]?.replaceAll(/[0-9a-f-]{12,}|n\d+/g, "_"),
      problems,
    ]);
    if (this.#seen.has(key)) return;
    this.#seen.add(key);
    const request = `#${this.#sent} ${curl(this.#options.origin, sent)}`;
    this.#defects.push({ problems, request, answer: describe(answer) });
    this.#options.log(`${problems.join("; ")}\n  ${request}\n  ${describe(answer)}`);
  }

  async #cleanUp(): Promise<void> {
    const { token, accountId } = this.#options;
    const base = `/client/v4/accounts/${accountId}/containers`;
    const headers = { authorization: `Bearer ${token}` };
    const listed = await this.#client.send({ method: "GET", target: `${base}/applications`, headers });
    const { result } = JSON.parse(listed.body) as { result: { id: string }[] };
    for (const { id } of result) {
      await this.#client.send({ method: "DELETE", target: `${base}/applications/${id}`, headers });
    }
  }

  #secret(): string {
    const value = `keep-${uuid(this.#random)}`;
    this.#secrets.push(value);
    if (this.#secrets.length > 20) this.#secrets.shift();
    return value;
  }

  #shuffled<T>(items: readonly T[]): T[] {
    const keyed = items.map((item) => ({ item, order: this.#random.next() }));
    return keyed.toSorted((a, b) => a.order - b.order).map(({ item }) => item);
  }
}

const patterns = new Map<string, RegExp>();

/** Whether a concrete path is one of the operation's, on any base. */
function isOf({ path }: Operation, concrete: string): boolean {
  let pattern = patterns.get(path);
  if (pattern === undefined) {
    const source = path.replace("/accounts/{account_id}/containers", "(?:/accounts/[^/]+)?/containers");
    pattern = new RegExp(`^${source.replaceAll(".", "\\.").replaceAll(/\{\w+\}/g, "[^/]+")}/*$`);
    patterns.set(path, pattern);
  }
  return pattern.test(concrete);
}

/** Of a path, below its base. */
function segmentsOf(path: string): string[] {
  const below = path.replace(/^\/client\/v4\/(?:accounts\/[^/]+\/(?:containers|cloudchamber)|containers)\//, "");
  return below
    .replace(/^\/client\/v4\//, "")
    .split("/")
    .map((segment) => safeDecode(segment));
}

function safeDecode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function describe({ status, headers, body }: Answer): string {
  return `${status} ${headers["content-type"] ?? ""} ${body.slice(0, 600)}`;
}
