import { describe, it } from "vitest";
import type { ApplicationSpec } from "../storage/application-row.ts";
import { intendPlacement } from "../intents.ts";
import type { Deployment } from "../plan/deployment.ts";
import { constraintsIn, desiredPlace } from "./desired-place.ts";
import type { PlacementRecord } from "./placing.ts";

const SPEC: ApplicationSpec = { instances: 1, maxInstances: null, ingress: "public", checkEveryMs: 60_000 };
const WEUR = { regions: ["WEUR"] } as const;

function placedIn(region: string, observed?: string): Deployment {
  const placement = {
    region,
    city: null,
    pop: null,
    ...(observed === undefined ? {} : { observed: { location: null, region: observed, country: null } }),
  } as unknown as PlacementRecord;
  return { ...intendPlacement("d", 0, 1, 0).next, placement };
}

describe("where an application is wanted", () => {
  it("is anywhere without constraints, so that nothing is asked of each instance", ({ expect }) => {
    expect(desiredPlace({ kind: "application", spec: SPEC })).toStrictEqual({});
    expect(desiredPlace({ kind: "application", spec: { ...SPEC, constraints: { isVerified: true } } })).toStrictEqual(
      {},
    );
    expect(desiredPlace({ kind: "application", spec: { ...SPEC, constraints: null } })).toStrictEqual({});
  });

  it("is where it is for a standalone deployment, which never moves", ({ expect }) => {
    expect(desiredPlace({ kind: "deployment", spec: { ...SPEC, constraints: WEUR } })).toStrictEqual({});
  });

  it("is where its constraints allow", ({ expect }) => {
    const { isMisplaced, isFoundOutside } = desiredPlace({
      kind: "application",
      spec: { ...SPEC, constraints: WEUR },
    });
    expect(isMisplaced?.(placedIn("WEUR"))).toBe(false);
    expect(isMisplaced?.(placedIn("ENAM"))).toBe(true);
    expect(isFoundOutside).toBeUndefined();
  });

  it("counts where it was found only where that is verified", ({ expect }) => {
    const { isFoundOutside } = desiredPlace({
      kind: "application",
      spec: { ...SPEC, constraints: { ...WEUR, isVerified: true } },
    });
    expect(isFoundOutside?.(placedIn("WEUR", "ENAM"))).toBe(true);
    expect(isFoundOutside?.(placedIn("WEUR", "WEUR"))).toBe(false);
    expect(isFoundOutside?.(placedIn("WEUR"))).toBe(false);
  });

  it("says of verification nothing as a place", ({ expect }) => {
    expect(constraintsIn({ constraints: { ...WEUR, isVerified: true } })).toStrictEqual(WEUR);
    expect(constraintsIn({})).toStrictEqual({});
  });
});
