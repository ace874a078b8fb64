/** Which test sees the effect of each field of rollouts, and of what applications say of theirs. */

type Tests = Readonly<Record<string, readonly [file: string, title: string]>>;

const ROLLOUTS = "test/workers/rollouts.test.ts";
const API = "test/workers/rollouts-api.test.ts";
const TRAFFIC = "test/workers/rollout-traffic.test.ts";

const TO_TARGET = "brings every instance to the target, which is merged over what is active";
const PATCHED = "of what Alchemy sends after a patch activates the patched version";
const IN_STEPS = "passes its steps in order, and stays where the target does not get ready";
const OWN_POLICY = "an application says for all of its rollouts what they do not say themselves";
const SHOWN = "are told with what is not said filled in";
const REPLACED = "replaces at most as many at a time as it says";
const GRACE = "spares who has begun to take traffic for as long as the application says";

const policy = (title: string): Tests =>
  Object.fromEntries(
    ["max_surge", "max_unavailable", "min_healthy_time", "progress_deadline", "auto_revert", "scale_down_delay"].map(
      (field) => [field, [API, title]] as const,
    ),
  );

const SEEN = "test/workers/rollout-gates.test.ts";
const MEASURED = "src/orchestrator/rollouts/gates.test.ts";
const PASSES = "that passes lets the rollout go on, once for each step but the last";
const LOOKED_AT = "asks the instances at the target only, and passes with what is expected";

const gates: Tests = {
  name: [SEEN, PASSES],
  type: [SEEN, "of a version that answers 500 takes the rollout back"],
  max_ratio: [SEEN, "of a version that answers 500 takes the rollout back"],
  min_requests: [SEEN, "of one that nobody calls says nothing"],
  url: [SEEN, PASSES],
  path: [SEEN, LOOKED_AT],
  port: [SEEN, "asks the port that it names"],
  expect_status: [SEEN, LOOKED_AT],
  interval: [MEASURED, "is measured at once, then at its interval after the last, then no more"],
  count: [SEEN, PASSES],
  failure_limit: [SEEN, "that fails more seldom than its limit takes nobody back"],
  timeout: [SEEN, "that gives no answer in time says nothing"],
  dry_run: [SEEN, "of a dry run is asked, and decides nothing"],
};

export const ROLLOUT_FIELD_TESTS: Readonly<Record<string, Tests>> = {
  CreateApplication: { rollout_active_grace_period: [API, GRACE] },
  PatchApplication: { rollout: [API, OWN_POLICY] },
  RolloutPolicy: policy(OWN_POLICY),
  CreateRollout: {
    description: [ROLLOUTS, TO_TARGET],
    strategy: [API, "%s is taken, and shown as Cloudflare does"],
    kind: [API, "goes on only when somebody says next, and says why when that is not possible"],
    step_percentage: [ROLLOUTS, PATCHED],
    "steps[].step_size.percentage": [ROLLOUTS, IN_STEPS],
    "steps[].description": [ROLLOUTS, IN_STEPS],
    percentage: [API, "goes to the share that is asked for, and waits there"],
    target_version: [ROLLOUTS, "goes back to a stored version by its number"],
    ...policy(SHOWN),
    gates: [SEEN, PASSES],
    max_unavailable: [API, REPLACED],
    max_surge: [API, REPLACED],
    min_healthy_time: [API, "is not done before its instances have been ready for min_healthy_time"],
    progress_deadline: [API, "goes back when nothing becomes healthy in time"],
    auto_revert: [API, "stalls when it is not to go back, and is tried again or aborted"],
    "sticky.cookie": [TRAFFIC, "stays with a client by a cookie, which its container never sees"],
    "sticky.header": [
      TRAFFIC,
      "stays with a client by a header, the same for all who send the same, also with the SDK",
    ],
    scale_down_delay: [API, "keeps old instances aside for scale_down_delay, so that a way back starts nothing"],
  },
  Gate: gates,
  RolloutActionInput: {
    action: [API, "goes on only when somebody says next, and says why when that is not possible"],
  },
};
