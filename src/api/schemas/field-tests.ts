/**
 * Which test sees the effect of each field: by the body's name in openapi.json (or its operation, where the body has
 * none), then the field's path. `npm run openapi` fails when one is missing, or names a test that is not there.
 */
import { APPLICATION_FIELD_TESTS } from "./field-tests-applications.ts";
import { BRIDGE_FIELD_TESTS } from "./field-tests-bridge.ts";
import { CAPACITY_FIELD_TESTS } from "./field-tests-capacity.ts";
import { EGRESS_FIELD_TESTS } from "./field-tests-egress.ts";
import { IMAGE_FIELD_TESTS } from "./field-tests-images.ts";
import { JOB_FIELD_TESTS } from "./field-tests-jobs.ts";
import { LOG_FIELD_TESTS } from "./field-tests-logs.ts";
import { PLACEMENT_FIELD_TESTS } from "./field-tests-placement.ts";
import { QUOTA_FIELD_TESTS } from "./field-tests-quota.ts";
import { ROLLOUT_FIELD_TESTS } from "./field-tests-rollouts.ts";
import { SCHEDULE_FIELD_TESTS } from "./field-tests-schedules.ts";
import { SECRET_FIELD_TESTS } from "./field-tests-secrets.ts";
import { SSH_FIELD_TESTS } from "./field-tests-ssh.ts";
import { START_FIELD_TESTS } from "./field-tests-start.ts";
import { TASK_FIELD_TESTS } from "./field-tests-tasks.ts";

type FieldTests = Readonly<Record<string, Readonly<Record<string, readonly [file: string, title: string]>>>>;

export const FIELD_TESTS: FieldTests = merged([
  APPLICATION_FIELD_TESTS,
  BRIDGE_FIELD_TESTS,
  CAPACITY_FIELD_TESTS,
  EGRESS_FIELD_TESTS,
  IMAGE_FIELD_TESTS,
  JOB_FIELD_TESTS,
  LOG_FIELD_TESTS,
  PLACEMENT_FIELD_TESTS,
  QUOTA_FIELD_TESTS,
  ROLLOUT_FIELD_TESTS,
  SCHEDULE_FIELD_TESTS,
  SECRET_FIELD_TESTS,
  SSH_FIELD_TESTS,
  START_FIELD_TESTS,
  TASK_FIELD_TESTS,
]);

/** Several files may know fields of one body. */
function merged(parts: readonly FieldTests[]): FieldTests {
  const all: Record<string, Record<string, readonly [file: string, title: string]>> = {};
  for (const [name, tests] of parts.flatMap((part) => Object.entries(part))) all[name] = { ...all[name], ...tests };
  return all;
}
