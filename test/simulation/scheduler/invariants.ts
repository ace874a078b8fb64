/**
 * The invariants of the design (section 5) that exist so far, asked of a whole world: those of safety after every step in
 * which anything changed, those of liveness once the faults have stopped for long enough.
 */
import { eventTotals, lastEventId } from "../../../src/orchestrator/events.ts";
import { unverified } from "../../../src/orchestrator/placement/placing.ts";
import {
  isAvailable,
  isLive,
  isNamed,
  isPooled,
  runsJobs,
  type Deployment,
} from "../../../src/orchestrator/plan/deployment.ts";
import { REVISION_LABEL } from "../../../src/containers/launch-options.ts";
import type { World } from "./world.ts";

/** What may live above the count while a version replaces another; said here again, so that the planner cannot move it. */
const MAX_SURGE = 1;
/** A container whose placement is over finds out in its looks, of which some may be late or lost. */
const OWNERLESS_MS = 240_000;
const LOOK_EVERY_MS = 60_000;

/** Asks only when something changed since it was asked last. */
export class Safety {
  readonly #world: World;
  #seen = "";
  #told = -1;
  readonly #ownerless = new Map<string, number>();

  constructor(world: World) {
    this.#world = world;
  }

  violation(): string | null {
    const world = this.#world;
    const { rules, places, application, account } = world;
    if (world.told !== this.#told && !application.erased) {
      this.#told = world.told;
      const { db } = application.life;
      rules.counted(eventTotals(db), lastEventId(db));
    }
    if (rules.violation !== null) return rules.violation;
    if (places.violation !== null) return places.violation;
    const rolled = world.rollouts.rules.violation;
    if (rolled !== null) return rolled;
    const late = world.jobs.safety.overdue();
    if (late !== null) return late;
    let changes = 0;
    for (const { container } of world.instances.values()) changes += container.changes;
    const now = `${application.writes} ${account.writes} ${changes} ${world.crashes}`;
    if (now === this.#seen) return null;
    this.#seen = now;
    const rows = world.deployments();
    world.rollouts.rules.look(rows);
    return (
      world.rollouts.rules.violation ??
      counts(world, rows) ??
      traffic(world, rows) ??
      identity(world, rows) ??
      world.jobs.safety.violation(rows) ??
      this.#containers(rows) ??
      ledger(world)
    );
  }

  #containers(rows: readonly Deployment[]): string | null {
    const world = this.#world;
    for (const { id, container } of world.instances.values()) {
      if (!container.running) {
        this.#ownerless.delete(id);
        continue;
      }
      const row = rows.find((deployment) => deployment.id === id);
      const { generation } = container;
      // S11: nothing newer than the scheduler asked for ever runs.
      if (row !== undefined && generation > row.generation) {
        return `S11: ${id} runs generation ${generation}, asked for ${row.generation}`;
      }
      // S4: an end is told of a container that has ended.
      if (row?.phase === "pending" && generation === row.generation) {
        return `S4: ${id} generation ${generation} is called ended and runs`;
      }
      if (row?.phase === "running" && generation < row.generation) {
        return `S11: ${id} runs generation ${generation}, which is taken for ${row.generation}`;
      }
      if (row !== undefined && row.generation === generation) {
        this.#ownerless.delete(id);
        continue;
      }
      const since = this.#ownerless.get(id) ?? world.time.now;
      this.#ownerless.set(id, since);
      if (world.time.now - since > OWNERLESS_MS) {
        return `S16: generation ${generation} of ${id} is nobody's for ${world.time.now - since} ms and runs`;
      }
    }
    return null;
  }
}

function counts(world: World, rows: readonly Deployment[]): string | null {
  // S1: stopping ones are on their way out; one more than wanted may live while there are outdated ones.
  const live = rows.filter((row) => isPooled(row) && isLive(row) && row.parkedUntil === undefined);
  const most = world.desired() + (live.some((row) => world.isOutdated(row)) ? MAX_SURGE : 0);
  const isRolled = world.rollouts.rules.current !== null;
  if (!isRolled && live.length > most) return `S1: ${live.length} live deployments, ${most} may be`;
  const restless = rows.find((row) => row.held && isLive(row));
  if (restless !== undefined) return `S1: ${restless.id} is held and ${restless.phase}`;
  const { instances = 0, autoscaling } = world.application.row()?.spec ?? {};
  // A1: whatever the load is, the count keeps within its bounds.
  if (autoscaling == null || (instances >= autoscaling.min && instances <= autoscaling.max)) return null;
  return `A1: ${instances} are wanted, ${autoscaling.min} to ${autoscaling.max} may be`;
}

function traffic(world: World, rows: readonly Deployment[]): string | null {
  const constraints = world.constraints();
  for (const row of rows) {
    if (!isAvailable(row) || runsJobs(row)) continue;
    const { id, phase, version, placement } = row;
    if (phase !== "running") return `S8: ${id} is ${phase} and takes traffic`;
    if (world.versions[version - 1]?.revision === "broken") return `S8: ${id} is called ready and listens nowhere`;
    if (world.isCordoned(row)) return `S8: ${id} was cordoned and takes traffic`;
    // One that was ready before places had to be verified takes traffic until it says something new.
    const why = constraints?.isVerified === true ? unverified(placement?.observed, constraints) : null;
    if (why !== null && row.since > world.constrainedAt) return `S8: ${id} takes traffic, and ${why}`;
  }
  return null;
}

function identity(world: World, rows: readonly Deployment[]): string | null {
  const { standalone } = world;
  // One deployment, whose id never changes, until the delete.
  const other = standalone === null ? undefined : rows.find(({ id }) => id !== standalone);
  if (other !== undefined) return `S14: ${other.id} instead of the one deployment ${standalone}`;
  const slots = rows.filter(isPooled).map(({ slot }) => slot);
  return new Set(slots).size === slots.length ? null : `S14: two deployments in one slot: ${slots.join(", ")}`;
}

function ledger(world: World): string | null {
  const { application, account } = world;
  return application.row() === undefined ? null : account.violation("a", application.held());
}

/** What holds once the faults have stopped for long enough. */
export function liveness(world: World): string | null {
  const all = world.deployments();
  const rows = all.filter(isPooled);
  const wanted = world.desired();
  const blocked = world.application.row()?.blocked ?? null;
  if (blocked !== null) return `L5: blocked for ${blocked.reason} since ${world.time.now - blocked.since} ms`;
  const open = world.jobs.safety.open(all);
  if (open !== null) return open;
  const rolled = world.rollouts.open(all);
  if (rolled !== null) return rolled;
  const isRolled = world.rollouts.rules.current !== null;
  const isAsWanted = (row: Deployment) => (row.held ? row.phase === "pending" : row.ready && !world.isOutdated(row));
  if (!isRolled && (rows.length !== wanted || !rows.every(isAsWanted))) {
    const states = rows.map(
      ({ id, phase, ready, held, version }) =>
        `${id} v${version} ${phase}${ready ? " ready" : ""}${held ? " held" : ""}`,
    );
    return `L1: ${wanted} of version ${world.activeVersion()} wanted, have ${states.join(", ") || "none"}`;
  }
  return (
    asleep(all) ??
    idle(world) ??
    running(world, rows) ??
    world.account.restViolation(rows.filter(({ held }) => !held).length)
  );
}

/** N4: nobody calls any more, so that all of them sleep. */
function asleep(rows: readonly Deployment[]): string | null {
  const awake = rows.find((row) => isNamed(row) && (row.phase !== "pending" || !(row.isAsleep === true || row.held)));
  return awake === undefined ? null : `N4: ${awake.id} is ${awake.phase} as ${awake.name}, and nobody calls it`;
}

/** A2: there is no load any more, so that there are as few as may be. */
function idle(world: World): string | null {
  const { instances = 0, autoscaling } = world.application.row()?.spec ?? {};
  if (autoscaling == null || instances === autoscaling.min) return null;
  return `A2: ${instances} are wanted without any load, ${autoscaling.min} would do`;
}

function running(world: World, rows: readonly Deployment[]): string | null {
  // One that is held stopped owns no container either.
  const owners = new Map(rows.filter(({ held }) => !held).map((row) => [row.id, row]));
  for (const { id, container } of world.instances.values()) {
    const owner = owners.get(id);
    // S16: every live container is owned by one row.
    if (container.running && owner === undefined) return `S16: ${id} runs and is nobody's`;
    if (owner === undefined) continue;
    if (!container.running) return `L1: ${id} is called ready and does not run`;
    const version = world.versions[owner.version - 1];
    const isSilent = !container.isListening && (container.isNetworkDead || version?.configuration.ports !== undefined);
    if (isSilent) return `L1: ${id} is called ready and listens nowhere`;
    if (container.generation !== owner.generation) {
      return `S11: ${id} runs generation ${container.generation}, ${owner.generation} is called ready`;
    }
    const runs = container.labels[REVISION_LABEL];
    if (runs !== version?.revision) return `L1: ${id} runs revision ${runs}, ${version?.revision} is called ready`;
  }
  return null;
}

/**
 * A world that has what it wants is quiet: each instance says so once per look. One word more is left to each that was
 * ever there, for what it finds out late, and one to the application.
 */
export function restlessness(world: World, messages: number, restMs: number): string | null {
  const looks = Math.ceil(restMs / LOOK_EVERY_MS) + 1;
  const most =
    Math.max(world.desired(), world.deployments().filter(isPooled).length) * looks + world.instances.size + 1;
  return messages > most ? `L6: ${messages} messages at rest, ${most} would do` : null;
}
