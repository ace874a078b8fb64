/** What the API and the gateway ask of an application about what its containers reach. */
import type { EgressPolicy } from "../egress/policy/policy.ts";
import type { EgressTold, Usage } from "../egress/told.ts";
import { NO_USAGE, sumOf } from "../egress/told.ts";
import { ApplicationRollouts } from "./application-rollouts.ts";
import { egressDigest } from "./egress/now.ts";
import { appendEvents } from "./events.ts";
import type { StoredDenial } from "./egress/egress-log.ts";
import type { Published } from "./egress/publish.ts";
import type { ApplicationView } from "./views.ts";
import type { WriteGuard } from "./write-guard.ts";
import type { ApplicationRow } from "./storage/application-row.ts";

export interface EgressSummary {
  readonly usage: Usage;
  /** Newest first. */
  readonly denials: readonly StoredDenial[];
}

export interface EgressWritten {
  /** As this write has left it. */
  readonly view: ApplicationView;
  readonly published: Published;
}

export class ApplicationEgress extends ApplicationRollouts {
  /** The gateway has served, or denied, requests of that placement. */
  egressTold(deploymentId: string, generation: number, told: EgressTold): void {
    if (this.core.row() === undefined) return;
    this.core.egress.tell(deploymentId, generation, told, Date.now());
    this.core.forwarder.soon();
  }

  /** What one of its instances may reach was changed for it alone. */
  egressOverridden(deploymentId: string, generation: number, message: string): void {
    if (this.core.row() === undefined) return;
    const event = { type: "Info", name: "EgressChanged", message, deployment: deploymentId, generation } as const;
    appendEvents(this.core.db, [event], Date.now());
    this.core.forwarder.soon();
  }

  /** Of this object alone. */
  egressSummary(): EgressSummary {
    return this.core.row() === undefined
      ? { usage: NO_USAGE, denials: [] }
      : { usage: this.core.egress.usage, denials: this.core.egress.denials() };
  }

  /** Of the application as a whole. */
  async egressWhole(): Promise<EgressSummary> {
    this.core.mustRow();
    const others = await this.core.shards.askAll(
      async (k): Promise<EgressSummary> => await this.shardOf(k).egressSummary(),
    );
    const all = [this.egressSummary(), ...others];
    return {
      usage: all.map(({ usage }) => usage).reduce(sumOf),
      denials: all.flatMap(({ denials }) => denials).toSorted((a, b) => b.lastAt - a.lastAt),
    };
  }

  async putEgress(egress: EgressPolicy | null, guard: WriteGuard): Promise<EgressWritten> {
    this.core.specification.patch(this.core.mustRow(), { egress }, guard, null, Date.now());
    const view = this.core.views.application(this.core.mustRow());
    return { view, published: await this.publishWhole() };
  }

  /** Tells all that run, of every shard, what they may reach from now on. */
  async publishWhole(): Promise<Published> {
    await this.core.shards.followed();
    const others = await this.core.shards.askAll(
      async (k): Promise<Published> => await this.shardOf(k).publishEgress(),
    );
    const all = [await this.publishEgress(), ...others];
    return {
      told: all.reduce((sum, { told }) => sum + told, 0),
      pending: all.flatMap(({ pending }) => pending),
      restart: all.flatMap(({ restart }) => restart),
    };
  }

  /** After a write: what it has changed holds before the write is answered. */
  protected async publishChange(before: ApplicationRow): Promise<void> {
    const after = this.core.row();
    if (after !== undefined && egressDigest(before) !== egressDigest(after)) await this.publishWhole();
  }
}
