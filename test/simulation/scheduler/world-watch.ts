/** What of a world looks at each write of a deployment. */
import { isFoundOutside } from "../../../src/orchestrator/placement/placing.ts";
import { within } from "./account-places.ts";
import type { StoreWatch } from "./watched-store.ts";
import type { World } from "./world.ts";

export function watchOf(world: World): StoreWatch {
  const isRolled = () => world.rollouts.rules.current !== null;
  return {
    onWritten: (before, after) => {
      world.rules.written(before, after);
      world.jobs.rules.written(before, after);
      if (before?.isAsleep !== true && after?.isAsleep === true) world.slept += 1;
      if (before === undefined || after?.phase !== "stopping" || before.phase === "stopping") return;
      // A rollout goes back as well, and what stood aside goes when its time is over.
      const isOutdated = world.isOtherRevision(before) || isRolled() || before.parkedUntil !== undefined;
      world.places.judgeMoved(before, after.stopReason, isOutdated, world.constraints());
    },
    isForced: ({ placement }) => {
      const constraints = world.constraints();
      return constraints?.isVerified === true && isFoundOutside(placement, constraints);
    },
    wanted: () => world.desired(),
    onReplaced: (serving, all, wanted) => world.rules.replacing(serving, all, wanted),
    rolling: {
      isUnderWay: isRolled,
      takingOut: (before) => world.rollouts.rules.takingOut(before),
      takenOut: () => world.rollouts.rules.takenOut(),
      placed: (next) => world.rollouts.rules.placed(next),
    },
    onPlaced: (placed, before) => {
      const isLimited = world.application.row()?.isLimited === true;
      world.places.judgePlaced(placed, before, within(world.constraints()), isLimited, world.time.now);
    },
  };
}
