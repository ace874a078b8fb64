/** Which test sees the effect of each field of constraints, nearness and locations. */

type Tests = Readonly<Record<string, readonly [file: string, title: string]>>;

const PLACEMENT = "test/workers/placement.test.ts";
const KEPT = "by %s keep instances where they may be";
const OWN = "are added with a region, which never changes";

const PLACES: Tests = {
  "constraints.regions": [PLACEMENT, KEPT],
  "constraints.cities": [PLACEMENT, KEPT],
  "constraints.pops": [PLACEMENT, KEPT],
  "constraints.jurisdiction": [PLACEMENT, KEPT],
  "constraints.accept_verified_placement": [
    PLACEMENT,
    "is verified before traffic when that is accepted: unknown waits, and says why",
  ],
  "affinities.colocation": [PLACEMENT, "to each other keeps instances in one location"],
  "affinities.colocation.application": [PLACEMENT, "to another application draws new instances to where that one is"],
};

export const PLACEMENT_FIELD_TESTS: Readonly<Record<string, Tests>> = {
  CreateApplication: PLACES,
  PatchApplication: PLACES,
  PutApplication: { ...PLACES, blocked: ["test/workers/placement.test.ts", "can be written back while it is blocked"] },
  PatchMe: {
    "locations[].weight": [PLACEMENT, "go to the locations in proportion to their weights"],
    "locations[].region": [PLACEMENT, OWN],
    "locations[].name": [PLACEMENT, OWN],
    "locations[].city": [PLACEMENT, KEPT],
    "locations[].pop": [PLACEMENT, KEPT],
  },
};
