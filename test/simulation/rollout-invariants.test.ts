/** Each invariant of rollouts is shown able to fail: with one thing wrong, the simulator says which rule it breaks. */
import { describe, it } from "vitest";
import type { RolloutControl } from "../../src/orchestrator/rollouts/rollout-control.ts";
import type { Rollout } from "../../src/orchestrator/rollouts/rollout.ts";
import type { RolloutMark } from "../../src/orchestrator/rollouts/mark.ts";
import type { RolloutsLog } from "../../src/orchestrator/rollouts/rollouts-log.ts";
import { writeApplication, type ApplicationRow } from "../../src/orchestrator/storage/application-row.ts";
import { patched, scenarioOf, store, written, type Bug } from "./bugs.ts";
import { invariantOf } from "./engine/simulation.ts";
import type { ApplicationLife } from "./scheduler/application-host.ts";
import { submission } from "./scheduler/jobs/deeds.ts";
import { rolloutDeed } from "./scheduler/rollouts/deeds.ts";
import type { Deed } from "./scheduler/scenario.ts";
import { simulate } from "./scheduler/simulate.ts";
import type { Tampering } from "./scheduler/world.ts";

type Life = () => ApplicationLife;

/** The planner is told something else than what the rollout says. */
function planned(
  change: (mark: RolloutMark, row: ApplicationRow, life: ApplicationLife) => Partial<RolloutMark>,
): Tampering {
  return control((own, life) => ({
    follow: (row, now) => {
      const followed = own.follow(row, now);
      const { rollout } = followed.row;
      if (rollout === undefined) return followed;
      return {
        ...followed,
        row: { ...followed.row, rollout: { ...rollout, ...change(rollout, followed.row, life()) } },
      };
    },
  }));
}

function control(own: (control: RolloutControl, life: Life) => Partial<RolloutControl>): Tampering {
  return { control: (real, life) => patched(real, own(real, life)) };
}

/** What is kept of a rollout is not what was decided. */
function logged(change: (rollout: Rollout, log: RolloutsLog) => Rollout | null): Tampering {
  return {
    rollouts: (deps) => {
      const { log } = deps;
      const put = log.put.bind(log);
      log.put = (rollout) => {
        const kept = change(rollout, log);
        if (kept !== null) put(kept);
      };
      return deps;
    },
  };
}

/** The application's row is another after each look. */
function rowed(change: (row: ApplicationRow, life: ApplicationLife) => ApplicationRow): Tampering {
  return control((own, life) => ({
    follow: (row, now) => {
      const followed = own.follow(row, now);
      const next = change(followed.row, life());
      if (next === followed.row) return followed;
      writeApplication(life().db, next);
      return { ...followed, row: next };
    },
  }));
}

const to = (version: number, fields: Partial<Parameters<typeof rolloutDeed>[0]> = {}): Deed =>
  rolloutDeed({ at: 10_000, version, minHealthyMs: 1_000, deadlineMs: 60_000, ...fields });
const act = (at: number, action: "pause" | "abort" | "retry" | "resume"): Deed => {
  return { at, do: "rollout-action", action, twice: false };
};
const HALF = { steps: [{ percentage: 50, waits: true }, { percentage: 100 }] };
const LEFT = { rollouts: { graceMs: 0, areLeft: true } };

const BUGS: readonly Bug[] = [
  {
    name: "one more than the surge is placed",
    breaks: "S1",
    deeds: [to(2)],
    tampering: planned(() => ({ maxSurge: { count: 2 } })),
  },
  {
    name: "more may be missing than was said",
    breaks: "S2",
    deeds: [to(2)],
    tampering: planned(() => ({ maxUnavailable: { count: 1 } })),
  },
  {
    name: "what is ready counts before it is healthy",
    breaks: "S2",
    deeds: [to(2, { minHealthyMs: 20_000 })],
    tampering: planned(() => ({ minHealthyMs: 0 })),
  },
  {
    name: "requests are handed on to what is not there",
    breaks: "S2",
    deeds: [to(4, { strategy: "blue_green", deadlineMs: null })],
    tampering: {
      ...logged((rollout) => {
        return rollout.phase === "progressing" && rollout.serving === "from"
          ? { ...rollout, phase: "switching", switchTo: "to" }
          : rollout;
      }),
      control: (own) => {
        let isDone = false;
        return patched(own, {
          follow: (row, now) => {
            const { rollout } = row;
            if (rollout === undefined || isDone) return own.follow(row, now);
            isDone = true;
            own.act(row, rollout.id, "pause", { actor: "me", request: "p" }, now);
            own.act(row, rollout.id, "resume", { actor: "me", request: "r" }, now);
            return own.follow(row, now);
          },
        });
      },
    },
  },
  {
    name: "a job is stopped with the old version",
    breaks: "S7",
    scenario: { jobs: 1 },
    deeds: [
      submission({
        at: 1_000,
        job: "j",
        completions: 1,
        parallelism: 1,
        retries: 0,
        backoffMs: 1_000,
        fails: 0,
        hangs: 1,
        deadlineMs: 100_000,
        lastMs: 60_000,
      }),
      to(2),
    ],
    tampering: store((rows) => ({
      put: (next) => {
        rows.put(next);
        const job = rows.all().find((row) => row.attempt !== undefined && row.phase === "running");
        if (next.stopReason !== "Outdated" || job === undefined) return;
        rows.put({ ...job, phase: "stopping", ready: false, stopReason: "Outdated" });
      },
    })),
  },
  {
    name: "it is completed whatever its instances say",
    breaks: "S12",
    faults: { otherImage: 1 },
    deeds: [to(2, { deadlineMs: null })],
    tampering: {
      rollouts: (deps) => {
        const { deployments, revisionOf } = deps;
        const all = () => deployments.all().map((row) => ({ ...row, revision: revisionOf(row.version) }));
        return { ...deps, deployments: patched(deployments, { all }) };
      },
    },
  },
  {
    name: "it is completed before all are healthy",
    breaks: "S12",
    deeds: [to(2, { minHealthyMs: 30_000, unavailable: { count: 3 } })],
    tampering: {
      rollouts: (deps) => {
        const { deployments } = deps;
        const all = () => deployments.all().map((row) => (row.readyAt === null ? row : { ...row, readyAt: 0 }));
        return { ...deps, deployments: patched(deployments, { all }) };
      },
    },
  },
  {
    name: "it goes back to what never served",
    breaks: "S13",
    deeds: [
      { at: 0, do: "activate", version: 4 },
      { at: 1, do: "crash", nth: 4 },
      to(4, { at: 5_000 }),
      to(7, { deadlineMs: 15_000, minHealthyMs: 200_000 }),
    ],
    scenario: { instances: 2 },
    tampering: logged((rollout) => ({ ...rollout, isFromStable: true })),
  },
  {
    name: "one that is replaced goes on",
    breaks: "R1",
    deeds: [to(2), to(6, { at: 10_500 })],
    tampering: logged((rollout) => (rollout.phase === "replaced" ? null : rollout)),
  },
  {
    name: "one that is over begins again",
    breaks: "S6",
    deeds: [to(2)],
    tampering: logged((rollout, log) => {
      if (rollout.phase === "completed") queueMicrotask(() => log.put({ ...rollout, phase: "progressing" }));
      return rollout;
    }),
  },
  {
    name: "a step brings all",
    breaks: "R2",
    deeds: [to(2, HALF)],
    tampering: planned(() => ({ toPercentage: 100 })),
  },
  {
    name: "a pause does not stop it",
    breaks: "R2",
    deeds: [to(2, { surge: { count: 1 } }), act(11_000, "pause")],
    scenario: { instances: 5, ...LEFT },
    tampering: planned((_, __, { rollouts }) => (rollouts.current()?.phase === "paused" ? { toPercentage: 100 } : {})),
  },
  {
    name: "scaled while it is paused, it loses the proportion",
    breaks: "L1",
    deeds: [to(2, HALF), act(40_000, "pause"), { at: 50_000, do: "scale", instances: 2 }],
    scenario: { instances: 6, ...LEFT },
    tampering: planned((_, { spec }, { rollouts }) => {
      const frozen = rollouts.current()?.frozen ?? null;
      return frozen === null ? {} : { toPercentage: Math.min(100, (frozen.fresh * 100) / Math.max(1, spec.instances)) };
    }),
  },
  {
    name: "what runs neither version comes back",
    breaks: "R2",
    deeds: [to(2)],
    tampering: written((next) => (next.version === 2 && next.phase === "starting" ? { ...next, version: 6 } : next)),
  },
  {
    name: "both sides take requests at a time",
    breaks: "R3",
    deeds: [to(2, { strategy: "blue_green" })],
    tampering: rowed((row) => {
      const { rollout } = row;
      if (rollout === undefined || rollout.traffic.kind === "any") return row;
      return { ...row, rollout: { ...rollout, traffic: { kind: "any" } } };
    }),
  },
  {
    name: "an older one has handed requests on, which counts for the next",
    breaks: "R3",
    scenario: { seed: 6 },
    deeds: [2, 6, 2, 6].map((version, index) => {
      return to(version, { strategy: "blue_green", at: 5_000 + 13_000 * index, minHealthyMs: 0 });
    }),
    tampering: control((own, life) => ({
      switched: (row, _, now) => {
        const current = life().rollouts.current();
        if (current !== null) own.switched(row, current.id, now);
      },
    })),
  },
  {
    name: "who has only just come is replaced",
    breaks: "R4",
    scenario: { rollouts: { graceMs: 60_000, areLeft: false } },
    deeds: [to(2)],
    tampering: control((own) => ({
      follow: (row, now) => {
        const followed = own.follow(row, now);
        return { ...followed, row: { ...followed.row, spec: { ...followed.row.spec, rolloutGraceMs: 0 } } };
      },
    })),
  },
  {
    name: "each placement moves the deadline",
    breaks: "R5",
    scenario: { chaosMs: 400_000 },
    faults: { neverBoots: 1 },
    deeds: [to(2, { deadlineMs: 75_000 })],
    tampering: control((own, life) => ({
      follow: (row, now) => {
        const { rollouts, deployments } = life();
        const current = rollouts.current();
        const last = Math.max(
          0,
          ...deployments
            .all()
            .filter(({ version }) => version === 2)
            .map(({ since }) => since),
        );
        if (current !== null && last > current.progressedAt) rollouts.note({ ...current, progressedAt: last });
        return own.follow(row, now);
      },
    })),
  },
  {
    name: "the time that it was paused counts",
    breaks: "R5",
    scenario: { chaosMs: 240_000 },
    deeds: [to(4, { deadlineMs: 60_000 }), act(20_000, "pause"), act(90_000, "resume")],
    tampering: control((own, life) => ({
      follow: (row, now) => {
        const { rollouts } = life();
        const current = rollouts.current();
        if (current !== null) rollouts.note({ ...current, progressedAt: current.createdAt });
        return own.follow(row, now);
      },
    })),
  },
  {
    name: "it goes back, and the new version stays active",
    breaks: "R6",
    deeds: [to(4, { deadlineMs: 30_000 })],
    tampering: rowed((row, { rollouts }) => {
      const last = rollouts.list()[0];
      const isBack = last?.phase === "reverting" || last?.phase === "reverted";
      return isBack && row.activeVersion !== last.toVersion ? { ...row, activeVersion: last.toVersion } : row;
    }),
  },
  {
    name: "who stands aside never goes",
    breaks: "L1",
    deeds: [to(2, { delayMs: 20_000 })],
    tampering: written((next) => (next.parkedUntil === undefined ? next : { ...next, parkedUntil: 1e12 })),
  },
  {
    name: "it never comes to an end",
    breaks: "L3",
    deeds: [to(2)],
    tampering: control((own) => ({
      follow: (row) => ({ row, deadlineAt: null, lookAt: null }),
      act: own.act.bind(own),
    })),
  },
];

describe("an invariant of rollouts", () => {
  it.for(BUGS)("$breaks is broken when $name, and by nothing else", async (bug, { expect }) => {
    const scenario = scenarioOf(bug);
    expect((await simulate(scenario)).violation).toBeNull();
    const { violation } = await simulate(scenario, undefined, bug.tampering);
    expect(invariantOf(violation), violation ?? "nothing is broken").toBe(bug.breaks);
  });
});
