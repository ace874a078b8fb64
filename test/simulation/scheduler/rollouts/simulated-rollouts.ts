/** The rollouts of a simulated application: who begins them, what must hold of them, and what they come to. */
import { isDisallowed } from "../../../../src/orchestrator/placement/placing.ts";
import { isPooled, type Deployment } from "../../../../src/orchestrator/plan/deployment.ts";
import type { Report } from "../../../../src/orchestrator/plan/observe.ts";
import type { VirtualTime } from "../../engine/time.ts";
import type { Random } from "../../random.ts";
import { within } from "../account-places.ts";
import type { ApplicationHost } from "../application-host.ts";
import { isGood, type SimulatedVersion } from "../versions.ts";
import { heldOf, freshOf, oldOf } from "./counting.ts";
import type { RolloutsScenario } from "./deeds.ts";
import { RolloutDesk } from "./desk.ts";
import { RolloutRules } from "./rules.ts";

export interface SimulatedRolloutsDeps {
  readonly time: VirtualTime;
  readonly random: Random;
  readonly application: ApplicationHost;
  readonly versions: SimulatedVersion[];
  readonly scenario: RolloutsScenario;
  readonly desired: () => number;
  readonly byUser: (act: () => void) => void;
}

export class SimulatedRollouts {
  readonly desk: RolloutDesk;
  readonly rules: RolloutRules;
  readonly #deps: SimulatedRolloutsDeps;

  constructor(deps: SimulatedRolloutsDeps) {
    this.#deps = deps;
    const { application, time, desired, scenario } = deps;
    this.rules = new RolloutRules({
      now: () => time.now,
      rows: () => (application.erased ? [] : application.life.deployments.all()),
      row: () => application.row(),
      wanted: desired,
      revisionOf: (version) => this.#revisionOf(version),
      isMisplaced: ({ placement }) => {
        const constraints = application.row()?.spec.constraints ?? null;
        return constraints !== null && isDisallowed(placement, within(constraints));
      },
      graceMs: scenario.graceMs,
    });
    this.desk = new RolloutDesk({
      ...deps,
      mayHandOn: (id, side) => this.rules.handedOn(id, side),
    });
  }

  /** False: it cannot come to a good end by itself, so that somebody has to activate something that works. */
  comeToTerms(): boolean {
    const { current } = this.rules;
    if (current === null) return true;
    const { fromVersion, toVersion, spec, phase, isFromStable } = current;
    if (!this.#isGood(fromVersion)) return false;
    if (!this.#isGood(toVersion)) {
      const failsByItself = this.#revisionOf(toVersion) === "broken" && spec.progressDeadlineMs !== null;
      if (failsByItself && spec.autoRevert && isFromStable && phase === "progressing") return this.#deps.desired() > 0;
      return phase === "reverting" || this.desk.act("abort");
    }
    if (this.#deps.scenario.areLeft) return true;
    if (phase === "paused") this.desk.act("resume");
    if (phase === "waiting") this.desk.act("promote");
    if (phase === "stalled") this.desk.act("retry");
    return true;
  }

  /** L3 and L1 of one that is under way; null: it waits for a person, and everything is as it says. */
  open(rows: readonly Deployment[]): string | null {
    const { current } = this.rules;
    if (current === null) return null;
    const { id, phase, fromVersion, toVersion } = current;
    if (phase !== "waiting" && phase !== "paused" && phase !== "stalled") return `L3: rollout ${id} is ${phase}`;
    const standing = this.rules.standing(rows);
    const own = rows.filter((row) => isPooled(row));
    const states = own.map(
      ({ id: one, version, phase: at, ready, held }) =>
        `${one} v${version} ${at}${ready ? " ready" : ""}${held ? " held" : ""}`,
    );
    const count = (version: number) => {
      const revision = this.#revisionOf(version);
      return own.filter((row) => !row.held && row.ready && this.#revisionOf(row.version) === revision).length;
    };
    const [fresh, old] = [freshOf(current, standing), oldOf(current, standing)];
    const isSame = this.#revisionOf(fromVersion) === this.#revisionOf(toVersion);
    // Both sides stand by: what was half way to the old one before stands in for it until requests are handed on.
    const stray =
      own.filter((row) => !row.held && row.ready).length - count(toVersion) - (isSame ? 0 : count(fromVersion));
    const standsIn = current.spec.strategy === "blue_green" && current.serving === "from" && !isSame;
    const isStandingBy = standsIn && count(toVersion) === fresh && count(fromVersion) + stray === old;
    const isAsWanted =
      isStandingBy || isSame
        ? isStandingBy || count(toVersion) === fresh + old
        : count(toVersion) === fresh && count(fromVersion) === old;
    const total = fresh + old + heldOf(rows, standing.wanted);
    if (isAsWanted && own.length === total && !own.some(isAside)) return null;
    return `L1: ${id} is ${phase}: ${fresh} of version ${toVersion} and ${old} of ${fromVersion} wanted, have ${states.join(", ")}`;
  }

  /** The platform has started another image than it was asked to: until the faults stop, with so much chance, it says so. */
  spoken(id: string, generation: number, report: Report, chance: number): Report {
    const { current } = this.rules;
    if (report.state !== "running" || report.revision === undefined || chance === 0 || current === null) return report;
    if (!this.#deps.random.stream(`${id} ${generation}`).chance(chance)) return report;
    return { ...report, revision: this.#revisionOf(current.fromVersion) };
  }

  /** Runs something that cannot be left to itself. */
  isBad(version: number): boolean {
    return !this.#isGood(version);
  }

  tally(): Record<string, number> {
    const { begun, acted, switched, measured } = this.desk;
    const { completed = 0, reverted = 0, replaced: ousted = 0 } = this.rules.ends;
    return { rollouts: begun, steered: acted, switched, measured, completed, reverted, ousted };
  }

  #isGood(version: number): boolean {
    const known = this.#deps.versions[version - 1];
    return known === undefined || isGood(known);
  }

  #revisionOf(version: number): string {
    return this.#deps.versions[version - 1]?.revision ?? "";
  }
}

/** What a user holds stopped is counted, wherever it stood. */
function isAside({ parkedUntil, held }: Deployment): boolean {
  return parkedUntil !== undefined && !held;
}
