/**
 * What a scheduler says to its instances: launches, stops, questions, and the release of a slot that is gone. Each goes
 * through the outbox; its answer comes back as an observation.
 */
import { describeError, GantryError } from "../errors.ts";
import { messageFor } from "./intents.ts";
import type { Deployment } from "./plan/deployment.ts";
import type { Observation } from "./inbox.ts";
import { nameOf } from "./names.ts";
import type { InstanceAnswer, LaunchOrder, SchedulerDeps } from "./scheduler-deps.ts";
import type { ApplicationRow } from "./storage/application-row.ts";

export interface MessagesDeps extends Pick<
  SchedulerDeps,
  "deployments" | "outbox" | "instances" | "version" | "prepare"
> {
  readonly hear: (observation: Observation) => Promise<unknown>;
  /** A message came to nothing: the plan may be another by now. */
  readonly onDropped: () => void;
}

export class Messages {
  readonly #deps: MessagesDeps;

  constructor(deps: MessagesDeps) {
    this.#deps = deps;
  }

  /** Says what the deployment's row intends. */
  send(application: ApplicationRow, deployment: Deployment): void {
    const { outbox, instances, onDropped } = this.#deps;
    const { id, generation } = deployment;
    outbox.post(deployment, async () => {
      // It waited for its turn, and another intent has taken its place: a container less to start and stop.
      if (!this.#isCurrent(deployment)) return onDropped;
      const kind = messageFor(deployment.phase);
      if (kind === "launch") return await this.#launch(application, deployment);
      if (kind === "stop") {
        const { stopReason, stopSignal } = deployment;
        return this.#heard(id, await instances.stop(id, generation, stopReason ?? "Stopped", stopSignal));
      }
      return this.#heard(id, await instances.check(id, generation));
    });
  }

  /** The slot is gone. */
  release(deploymentId: string): void {
    this.#deps.outbox.forget(deploymentId);
    // Only storage is left there, and a release that is lost leaves a few rows, never a container.
    this.#deps.instances.release(deploymentId).catch((error: unknown) => {
      console.warn({ message: "instance.release.failed", deployment: deploymentId, error: String(error) });
    });
  }

  async #launch(application: ApplicationRow, deployment: Deployment): Promise<() => void> {
    const { instances, prepare, onDropped } = this.#deps;
    let order = this.#order(application, deployment);
    if (prepare !== undefined) {
      try {
        order = await prepare(order);
      } catch (error) {
        if (!GantryError.is(error)) throw error;
        return await this.#refuse(deployment, error);
      }
      if (!this.#isCurrent(deployment)) return onDropped;
    }
    return this.#heard(deployment.id, await instances.launch(order));
  }

  /** What may have been launched by an earlier lifetime of this object lives on; nothing else of this placement ever will. */
  async #refuse({ id, generation }: Deployment, error: GantryError): Promise<() => void> {
    const { instances } = this.#deps;
    let answer = await instances.check(id, generation);
    if (answer.generation < generation) answer = await instances.forbid(id, generation, error.code);
    if (answer.generation !== generation || !isUnlaunched(answer)) return this.#heard(id, answer);
    const outcome = { kind: "refused", exitCode: null, reason: error.code, message: describeError(error) } as const;
    return this.#heard(id, { generation, report: { state: "ended", outcome } });
  }

  #heard(id: string, { generation, report }: InstanceAnswer): () => void {
    return () => {
      this.#deps.hear({ deploymentId: id, generation, report }).catch((error: unknown) => {
        console.warn({ message: "instance.answer.failed", deployment: id, error: describeError(error) });
      });
    };
  }

  /** The intent still stands. */
  #isCurrent({ id, generation, phase }: Deployment): boolean {
    const current = this.#deps.deployments.get(id);
    return current?.generation === generation && current.phase === phase;
  }

  #order(application: ApplicationRow, deployment: Deployment): LaunchOrder {
    const { version, spec } = this.#deps.version(deployment.version);
    return {
      applicationId: application.id,
      applicationName: application.name,
      deploymentId: deployment.id,
      instanceName: nameOf(application.name, deployment),
      generation: deployment.generation,
      version: version.version,
      revision: version.revision,
      checkEveryMs: application.spec.checkEveryMs,
      spec,
      ...(deployment.location === undefined ? {} : { location: deployment.location }),
      ...(application.spec.constraints?.isVerified === true ? { isPlaceVerified: true } : {}),
      ...(deployment.name === undefined ? {} : { isNamed: true }),
      ...(application.spec.autoscaling == null || deployment.name !== undefined ? {} : { reportsLoad: true }),
    };
  }
}

/** Marked as ended, so that it is never launched. What has run ended as it says, whatever can be had for another start. */
function isUnlaunched({ report }: InstanceAnswer): boolean {
  return report.state === "ended" && report.outcome.kind === "stopped" && report.outcome.stop === undefined;
}
