/** The switch of an application's rollout, wired to its instances and to its other shards. */
import { instanceStub, shardStub } from "../../stubs.ts";
import type { Deployment } from "../plan/deployment.ts";
import type { DeploymentStore } from "../deployment-store.ts";
import type { RolloutsLog } from "./rollouts-log.ts";
import type { Coordinator } from "../shards/coordinator.ts";
import type { ApplicationRow } from "../storage/application-row.ts";
import type { RolloutControl } from "./rollout-control.ts";
import { isTargetOf, sidesToSwitch, Switchover, TELL_FOR_MS } from "./switchover.ts";

export interface ApplicationSwitchoverDeps {
  readonly env: Env;
  readonly row: () => ApplicationRow | undefined;
  readonly log: RolloutsLog;
  readonly control: RolloutControl;
  readonly deployments: DeploymentStore;
  readonly shards: Coordinator;
  readonly revisionOf: (version: number) => string;
  readonly pass: () => void;
  readonly background: (work: Promise<void>) => void;
}

export function applicationSwitchover(deps: ApplicationSwitchoverDeps): Switchover {
  const { env, row, log, control, deployments, revisionOf, pass, background } = deps;
  return new Switchover({
    clock: Date.now,
    sides: async () => {
      const others = await ofOtherShards(deps);
      const to = log.current()?.switchTo ?? null;
      const { rollout } = row() ?? {};
      if (to === null || rollout === undefined) return { close: [], open: [] };
      const isTarget = (version: number) => isTargetOf(rollout, version, revisionOf);
      return sidesToSwitch([...deployments.all(), ...others], to, isTarget);
    },
    tell: async (deploymentId, generation, isOpen) => {
      const isHeard = await instanceStub(env, deploymentId).admit(generation, isOpen, Date.now());
      if (!isHeard) throw new Error("it was told something else later");
    },
    onDone: (rolloutId) => {
      const current = row();
      if (current === undefined || current.deleting) return;
      control.switched(current, rolloutId, Date.now());
      pass();
    },
    background,
  });
}

/** One that has not followed yet would still send requests to what is about to refuse them. */
async function ofOtherShards({ env, row, log, shards }: ApplicationSwitchoverDeps): Promise<Deployment[]> {
  const before = row();
  if (before === undefined || !shards.isSpread) return [];
  await shards.followed();
  const isPatient = Date.now() < (log.current()?.updatedAt ?? 0) + TELL_FOR_MS;
  if (isPatient && shards.heardBy(before).includes(null)) throw new Error("a shard has not followed yet");
  const others = await shards.askAll(async (k): Promise<Deployment[]> => await shardStub(env, before.id, k).rows());
  return others.flat();
}
