/**
 * The Instance object: owns one container. A shell over `Lifecycle`; it keeps the base class that the platform's
 * documentation knows and takes over every seam of it that would poll, write or guess.
 */
import { Database } from "../database.ts";
import { describeError } from "../errors.ts";
import { migrate } from "../migrations.ts";
import type { InstanceAnswer, LaunchOrder } from "../orchestrator/scheduler-deps.ts";
import { parseDeploymentId } from "../orchestrator/deployment-id.ts";
import { applicationStub, schedulerStub } from "../stubs.ts";
import { Timers } from "../timers.ts";
import type { BridgeMessage, BridgeReply } from "../bridge/messages.ts";
import type { Grant } from "../grant.ts";
import type { Positions } from "../logs/ring.ts";
import { ClosedContainer } from "./closed-container.ts";
import { execute, type ExecRequest, type ExecResult } from "./exec.ts";
import { describeChange } from "../egress/policy/describe.ts";
import type { OverrideChange } from "../egress/policy/overrides.ts";
import type { EgressNow } from "../egress/policy/policy.ts";
import { egressStart } from "./egress-start.ts";
import { egressState, egressView, type EgressState, type EgressView } from "./egress-state.ts";
import { checkForGate, type GateCheck } from "./gate-check.ts";
import { boundedCommands } from "./bounded-commands.ts";
import { InstanceBridge, type Credentials } from "./instance-bridge.ts";
import { InstanceEgress } from "./instance-egress.ts";
import { Lifecycle } from "./lifecycle.ts";
import { readLogs, type LogReading } from "./log-reading.ts";
import { LoadReporter } from "./load-reporter.ts";
import { platformPort, type CommandPort, type ContainerPort } from "./port.ts";
import type { ProbeResult } from "./probe.ts";
import { handOn } from "./hand-on.ts";
import {
  DIRECT,
  DIRECT_HEADER,
  GANTRY_ONLY,
  INSTANCE_HEADER,
  LOAD_HEADER,
  PORT_HEADER,
  refuse,
  SSH_HEADER,
  TERMINAL_HEADER,
} from "./refusal.ts";
import { RequestTally, type RequestTotals } from "./request-tally.ts";
import { isReplayable } from "./replay.ts";
import { INSTANCE_MIGRATIONS, type RunRecord } from "./run-record.ts";
import type { Said } from "./said.ts";
import { takeSnapshot, type Taken } from "./snapshot.ts";
import { serveSsh, sshAccess, type SshAccess } from "./ssh-access.ts";
import { serveTerminal } from "./terminal.ts";
import { useGrant } from "./used-grants.ts";
import { relayWebSocket } from "./websocket-relay.ts";

/** A port that accepts nothing within this has nobody listening. */
const LISTENS_MS = 1_000;

export class Instance extends ClosedContainer {
  readonly #db: Database;
  readonly #timers: Timers;
  readonly #port: ContainerPort & CommandPort;
  readonly #commands: CommandPort;
  readonly #lifecycle: Lifecycle;
  readonly #load: LoadReporter;
  readonly #tally = new RequestTally();
  readonly #bridge: InstanceBridge;
  readonly #egress: InstanceEgress;
  readonly #id: string;

  constructor(ctx: DurableObjectState<{}>, env: Env, port?: ContainerPort & CommandPort) {
    super(ctx, env);
    this.#id = ctx.id.toString();
    this.#db = new Database(ctx.storage);
    migrate(this.#db, INSTANCE_MIGRATIONS);
    this.#timers = new Timers(this.#db, ctx.storage);
    this.#egress = new InstanceEgress(this.#db, () => this.#lifecycle.record?.egressSeq ?? 0);
    // The base constructor has refused an object without a container.
    this.#port =
      port ??
      platformPort(ctx.container as NonNullable<typeof ctx.container>, (workload) =>
        ctx.exports.Egress({ props: workload }),
      );
    this.#commands = boundedCommands(this.#port, () => this.#lifecycle.suspectEngine());
    this.#lifecycle = new Lifecycle({
      db: this.#db,
      timers: this.#timers,
      port: this.#port,
      clock: Date.now,
      report: async ({ applicationId, deploymentId, generation }, report) => {
        const scheduler = schedulerStub(env, applicationId, deploymentId);
        const reply = await scheduler.report(deploymentId, generation, this.#bridge.complete(report));
        if (reply.owned && reply.egress !== this.#egress.digest) this.#egress.adopt(await scheduler.egressNow());
        return reply;
      },
      // An abort drops what is not written yet.
      reset: (why) => ctx.waitUntil(ctx.storage.sync().then(() => ctx.abort(why))),
      background: (work) => ctx.waitUntil(work),
    });
    this.#load = new LoadReporter({
      clock: Date.now,
      inFlight: () => this.#lifecycle.inFlight.count,
      isWanted: () => this.#lifecycle.record?.reportsLoad === true,
      send: async (load) => {
        const { applicationId, deploymentId } = this.#lifecycle.record ?? {};
        if (applicationId === undefined || deploymentId === undefined) return;
        await applicationStub(env, applicationId).load(deploymentId, load);
      },
      background: (work) => ctx.waitUntil(work),
    });
    this.#bridge = new InstanceBridge({
      db: this.#db,
      lifecycle: this.#lifecycle,
      clock: Date.now,
      onRefused: (generation) => {
        const { deploymentId } = this.#lifecycle.record ?? {};
        const applicationId = parseDeploymentId(deploymentId ?? "")?.applicationId;
        if (deploymentId === undefined || applicationId === undefined) return;
        ctx.waitUntil(schedulerStub(env, applicationId, deploymentId).resultRefused(deploymentId, generation));
      },
    });
    void ctx.blockConcurrencyWhile(() => this.#lifecycle.resume());
    this.#timers.rearm();
  }

  launch(order: LaunchOrder): Promise<InstanceAnswer> {
    if (order.egress !== undefined) this.#egress.adopt(order.egress, true);
    const egress = egressStart(this.#egress.said);
    return this.#lifecycle.launch(order, egress).then((answer) => this.#complete(answer));
  }

  retire(generation: number, reason: string, signal?: number): Promise<InstanceAnswer> {
    const retired = this.#lifecycle.retire(this.#deploymentId(), generation, reason, signal);
    return retired.then((answer) => this.#complete(answer));
  }

  forbid(generation: number, reason: string): Promise<InstanceAnswer> {
    const forbidden = this.#lifecycle.forbid(this.#deploymentId(), generation, reason);
    return forbidden.then((answer) => this.#complete(answer));
  }

  check(generation: number): Promise<InstanceAnswer> {
    return this.#lifecycle.check(this.#deploymentId(), generation).then((answer) => this.#complete(answer));
  }

  #complete(answer: InstanceAnswer): InstanceAnswer {
    return { ...answer, report: this.#bridge.complete(answer.report) };
  }

  /**
   * Whether that placement takes requests to the pool. What is under way goes on, and calls that name the instance are
   * answered either way. False: something else was said later, which stands.
   */
  admit(generation: number, isOpen: boolean, at: number): boolean {
    return this.#lifecycle.admission.tell(generation, isOpen, at);
  }

  /** The slot is gone: nothing is kept of it. */
  async release(): Promise<void> {
    await this.#lifecycle.clear();
    // A timer may be the very one that told of the end.
    this.#timers.close();
    this.#bridge.close();
    this.#egress.close();
    await this.ctx.storage.deleteAlarm();
    await this.ctx.storage.deleteAll();
  }

  /** Null when its container takes no requests now. */
  async exec(request: ExecRequest): Promise<ExecResult | null> {
    const { record, inFlight } = this.#lifecycle;
    if (record === null || !record.ready) return null;
    inFlight.begin();
    try {
      return await execute(this.#commands, request);
    } finally {
      inFlight.end();
    }
  }

  /** For a grant, which is good for one command. Null when its container takes no requests now. */
  async execOnce(request: ExecRequest, grant: Pick<Grant, "nonce" | "expiresAt">): Promise<ExecResult | "used" | null> {
    if (this.#lifecycle.record?.ready !== true) return null;
    return useGrant(this.#db, grant, Date.now()) ? await this.exec(request) : "used";
  }

  async sshAccess(): Promise<SshAccess> {
    return await sshAccess(this.#lifecycle.record, this.#port);
  }

  /** Null when nothing was ever placed here, or all of it is released. */
  placedAs(): string | null {
    return this.#lifecycle.record?.deploymentId ?? null;
  }

  /** What its container has printed, after those lines of that placement. */
  async logs(generation: number, after: Positions): Promise<LogReading> {
    return await readLogs(this.#lifecycle.record, this.#port, generation, after);
  }

  /** What that placement may reach, for each of its requests. `known`: a digest whose policy the caller has. */
  egress(generation: number, known: string | null): EgressState {
    return egressState(this.#lifecycle.record, this.#egress.effective, { generation, known, publicId: this.#id });
  }

  /** Its application says something else. True: not all of it holds before the container is started again. */
  adoptEgress(now: EgressNow): boolean {
    this.#egress.adopt(now);
    return this.egressView().isBehind;
  }

  /** Changes what may be reached from here, and from no other instance, until it is reset. */
  changeEgress(change: OverrideChange): EgressView {
    if (this.#egress.change(change)) this.#tellEgress(`changed for this instance alone: ${describeChange(change)}`);
    return this.egressView();
  }

  resetEgress(): EgressView {
    if (this.#egress.reset()) this.#tellEgress("its application's policy holds again");
    return this.egressView();
  }

  /** For whoever reads the events: who may reach what is worth a row. */
  #tellEgress(message: string): void {
    const { applicationId, deploymentId, generation } = this.#lifecycle.record ?? {};
    if (applicationId === undefined || deploymentId === undefined || generation === undefined) return;
    const told = schedulerStub(this.env, applicationId, deploymentId).egressOverridden(
      deploymentId,
      generation,
      message,
    );
    this.ctx.waitUntil(
      Promise.resolve(told).catch((error: unknown) =>
        console.warn({ message: "egress.untold", error: describeError(error) }),
      ),
    );
  }

  egressView(): EgressView {
    return egressView(this.#lifecycle.record, this.#egress);
  }

  /** Keeps its disk as it is now. Null when its container takes no requests now. */
  async snapshot(name: string): Promise<Taken | null> {
    return await takeSnapshot(this.#lifecycle, this.#port, name);
  }

  /** As if it had been called: it sleeps that much later. */
  renew(): void {
    this.#lifecycle.inFlight.touch();
  }

  /** What its container says over the bridge. Throws when it is not the one that lives. */
  bridge(credentials: Credentials, message: BridgeMessage): BridgeReply {
    return this.#bridge.tell(credentials, message);
  }

  /** What a container has said there; null when none has. */
  said(): { readonly said: Said | null; readonly busyUntil: number | null } {
    return { said: this.#bridge.said, busyUntil: this.#lifecycle.busy.until };
  }

  /** What its container answers on a path. Null when that generation takes no requests now. */
  async checkForGate(generation: number, check: GateCheck): Promise<ProbeResult | null> {
    const { record } = this.#lifecycle;
    if (record === null || record.generation !== generation || !record.ready) return null;
    return await checkForGate(this.#port, record, check, Date.now());
  }

  /** What that generation has answered since then, as far as this lifetime of the object knows. */
  requestTotals(generation: number, since: number): RequestTotals {
    return this.#tally.since(generation, since, Date.now());
  }

  /** The images that this Worker was deployed with: name to reference. */
  declaredImages(): Record<string, string> {
    return { ...this.#port.images };
  }

  override async fetch(request: Request): Promise<Response> {
    const { record, inFlight } = this.#lifecycle;
    const ssh = request.headers.get(SSH_HEADER);
    if (ssh !== null) return await serveSsh({ db: this.#db, env: this.env, port: this.#port, record, inFlight }, ssh);
    if (record === null || !record.ready) return refuse("not-ready");
    if (record.told?.isClosed === true && request.headers.get(DIRECT_HEADER) !== DIRECT.named) {
      return await this.#turnAway(request, record);
    }
    if (request.headers.has(TERMINAL_HEADER)) return this.#terminal(request);
    inFlight.begin();
    this.#load.count();
    const { port, inner } = targetOf(request, record.port);
    let answer: Response;
    try {
      answer = await this.#port.fetch(port, plainHttp(inner));
    } catch (error) {
      inFlight.end();
      if (request.signal.aborted) throw error;
      // Its other ports say nothing about the instance.
      const isOther = record.listens && port !== record.port && !(await this.#port.accepts(port, LISTENS_MS));
      if (isOther) return refuse("not-listening");
      this.#tally.count(record.generation, true, Date.now());
      if (!record.listens) return refuse("not-listening");
      this.#lifecycle.suspect();
      return refuse("unreachable");
    }
    this.#tally.count(record.generation, answer.status >= 500, Date.now());
    return this.#tag(answer, request.method);
  }

  async #turnAway(request: Request, { applicationId }: RunRecord): Promise<Response> {
    const { admission } = this.#lifecycle;
    const asked = admission
      .turnedAway(async ({ deploymentId }): Promise<boolean> => {
        return await schedulerStub(this.env, applicationId, deploymentId).mayServe(deploymentId);
      })
      .catch((error: unknown) => console.warn({ message: "instance.closed", error: String(error) }));
    this.ctx.waitUntil(asked);
    if (isReplayable(request)) return refuse("closed");
    await asked;
    return admission.isClosed ? await handOn(request, applicationId, this.env) : await this.fetch(request);
  }

  #terminal(request: Request): Response {
    if (request.headers.get("upgrade")?.toLowerCase() !== "websocket") {
      return new Response("a terminal is a WebSocket", { status: 426 });
    }
    const { inFlight } = this.#lifecycle;
    const { 0: client, 1: server } = new WebSocketPair();
    inFlight.begin();
    serveTerminal(this.#commands, server, () => inFlight.end());
    return new Response(null, { status: 101, webSocket: client, headers: { [INSTANCE_HEADER]: this.#id } });
  }

  override async alarm(): Promise<void> {
    await this.#timers.fire(Date.now(), (key) => this.#lifecycle.onTimer(key));
  }

  /** What this lifetime of the object has cost so far. */
  billing(): { rowsWritten: number; alarmsSet: number } {
    return { rowsWritten: this.#db.rowsWritten, alarmsSet: this.#timers.alarmsSet };
  }

  /** Names the instance on the answer, and makes sure that what only Gantry says no application says. */
  #tag(answer: Response, method: string): Response {
    const { inFlight } = this.#lifecycle;
    if (answer.webSocket) {
      const webSocket = relayWebSocket(answer.webSocket, () => inFlight.end());
      const headers = new Headers(answer.headers);
      this.#sign(headers);
      return new Response(null, { status: 101, webSocket, headers });
    }
    const tagged = new Response(inFlight.track(answer, method), answer);
    this.#sign(tagged.headers);
    return tagged;
  }

  #sign(headers: Headers): void {
    const { count } = this.#lifecycle.inFlight;
    headers.set(INSTANCE_HEADER, this.#id);
    for (const name of GANTRY_ONLY) headers.delete(name);
    if (count > 0) headers.set(LOAD_HEADER, String(count));
  }

  #deploymentId(): string {
    return this.ctx.id.name ?? "";
  }
}

/** The port that ingress asks for, and the request without what is said to this object. */
function targetOf(request: Request, firstPort: number): { readonly port: number; readonly inner: Request } {
  const wanted = request.headers.get(PORT_HEADER);
  if (wanted === null && !request.headers.has(DIRECT_HEADER)) return { port: firstPort, inner: request };
  const inner = new Request(request);
  inner.headers.delete(PORT_HEADER);
  inner.headers.delete(DIRECT_HEADER);
  return { port: wanted === null ? firstPort : Number(wanted), inner };
}

/** A container's port speaks plain HTTP. Only the scheme is changed; a URL inside the query stays as it is. */
function plainHttp(request: Request): Request {
  return request.url.startsWith("https:") ? new Request(`http${request.url.slice(5)}`, request) : request;
}
