/**
 * The bridge in the Instance: the one place that knows whether a placement still lives, so that what an earlier one says
 * changes nothing.
 */
import type { BridgeMessage, BridgeReply } from "../bridge/messages.ts";
import type { Database } from "../database.ts";
import { GantryError } from "../errors.ts";
import type { Report } from "../orchestrator/plan/observe.ts";
import { jobOf, requireSmall, withSaid } from "./attempt-said.ts";
import type { Lifecycle } from "./lifecycle.ts";
import type { RunRecord } from "./run-record.ts";
import { nothingSaid, readSaid, saying, writeSaid, type Said, type Saying } from "./said.ts";

/** What is said within this time costs one row. */
const GATHER_MS = 2_000;

/** How a placement makes itself known. */
export interface Credentials {
  readonly generation: number;
  /** It came with a token, and not from inside the container. */
  readonly isToken: boolean;
}

export interface InstanceBridgeDeps {
  readonly db: Database;
  readonly lifecycle: Pick<Lifecycle, "record" | "inFlight" | "busy" | "tell">;
  readonly clock: () => number;
  /** A placement that has ended said a result. */
  readonly onRefused: (generation: number) => void;
}

export class InstanceBridge {
  readonly #deps: InstanceBridgeDeps;
  #said: Said | null | undefined;
  #isGathering = false;
  #isClosed = false;
  /** Of which generations a result was refused, so that each is told of once. */
  readonly #refused = new Set<number>();

  constructor(deps: InstanceBridgeDeps) {
    this.#deps = deps;
  }

  /** Throws `PLACEMENT_ENDED` when it is not the one that lives. */
  tell(credentials: Credentials, message: BridgeMessage): BridgeReply {
    const { lifecycle } = this.#deps;
    const record = this.#admit(credentials, message.type);
    // Whoever speaks is not asleep.
    lifecycle.inFlight.touch();
    const current = lifecycle.record ?? record;
    switch (message.type) {
      case "identify":
      case "payload": {
        break;
      }
      case "hold": {
        lifecycle.busy.hold(current, message.ttlMs);
        break;
      }
      case "release": {
        lifecycle.busy.release(current);
        break;
      }
      case "heartbeat":
      case "progress":
      case "result":
      case "log": {
        if (message.type === "result") requireSmall(current, message.result);
        this.#keep(current.generation, message);
      }
    }
    const attempt = message.type === "payload" ? jobOf(current) : undefined;
    return {
      name: current.callName ?? null,
      heldUntil: lifecycle.busy.until,
      ...(attempt === undefined ? {} : { attempt }),
    };
  }

  /** What is said of the attempt of a job goes along. */
  complete(report: Report): Report {
    const { record } = this.#deps.lifecycle;
    return record === null ? report : withSaid(record, this.said, report);
  }

  /** Of the last placement that has said anything; null when none has. */
  get said(): Said | null {
    if (this.#said === undefined) this.#said = readSaid(this.#deps.db);
    return this.#said;
  }

  #admit({ generation, isToken }: Credentials, type: BridgeMessage["type"]): RunRecord {
    const { record } = this.#deps.lifecycle;
    if (record === null || record.generation !== generation || record.phase === "ended") {
      const current = record?.generation ?? 0;
      if (type === "result" && !this.#refused.has(generation)) {
        this.#refused.add(generation);
        this.#deps.onRefused(generation);
      }
      const message = `placement ${generation} of this instance has ended: what it says counts no more`;
      throw new GantryError("PLACEMENT_ENDED", message, { generation, current });
    }
    if (isToken && record.hasToken !== true) {
      throw new GantryError("UNAUTHORIZED", "this placement was given no token: set configuration.bridge_token", {});
    }
    return record;
  }

  #keep(generation: number, message: Saying): void {
    const before = this.said?.generation === generation ? this.said : null;
    this.#said = saying(before ?? nothingSaid(generation), message, this.#deps.clock());
    // That it was heard is worth no row of its own.
    if (message.type === "heartbeat") return;
    if (message.type === "result") this.#write();
    else this.#gather();
  }

  #gather(): void {
    if (this.#isGathering) return;
    this.#isGathering = true;
    setTimeout(() => {
      if (this.#isGathering) this.#write();
    }, GATHER_MS);
  }

  /** The object's storage is about to be erased. */
  close(): void {
    this.#isClosed = true;
  }

  #write(): void {
    this.#isGathering = false;
    if (this.#said == null || this.#isClosed) return;
    writeSaid(this.#deps.db, this.#said);
    if (this.#deps.lifecycle.record?.attempt !== undefined) this.#deps.lifecycle.tell();
  }
}
