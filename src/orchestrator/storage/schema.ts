/** Tables of the Application object. `docs/storage.md` says who writes each. */
import { EGRESS_LOG_SCHEMA } from "../egress/egress-log.ts";
import type { Migration } from "../../migrations.ts";
import { TIMERS_SCHEMA } from "../../timers.ts";
import { EVENTS_SCHEMA } from "../events.ts";
import { HOOKS_SCHEMA } from "../hooks/hook-outbox.ts";
import { LEASE_SCHEMA } from "../leases.ts";
import { IMAGES_SCHEMA } from "../prepare/images.ts";
import { ROLLOUTS_SCHEMA } from "../rollouts/rollouts-log.ts";
import { SHARDS_SCHEMA } from "../shards/records.ts";
import { JOB_NAMES_SCHEMA, JOBS_SCHEMA } from "../../jobs/job-store.ts";
import { SCHEDULES_SCHEMA } from "../../jobs/schedules/schedule-store.ts";
import { TASKS_SCHEMA } from "../../jobs/tasks/task-store.ts";
import { CHOICES_SCHEMA } from "../start/kept.ts";

export const APPLICATION_MIGRATIONS: readonly Migration[] = [
  {
    id: "001_create_tables",
    // WITHOUT ROWID: a text key on a rowid table costs a second, index row for every write.
    sql: `
CREATE TABLE application (
  id TEXT PRIMARY KEY,
  account_id TEXT NOT NULL,
  name TEXT NOT NULL,
  spec TEXT NOT NULL,
  active_version INTEGER NOT NULL,
  generation INTEGER NOT NULL,
  observed_generation INTEGER NOT NULL,
  deleting INTEGER NOT NULL,
  session TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE versions (
  version INTEGER PRIMARY KEY,
  configuration TEXT NOT NULL,
  revision TEXT NOT NULL,
  created_at INTEGER NOT NULL
);
CREATE TABLE deployments (
  id TEXT PRIMARY KEY,
  slot INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  phase TEXT NOT NULL,
  ready INTEGER NOT NULL,
  generation INTEGER NOT NULL,
  version INTEGER NOT NULL,
  since INTEGER NOT NULL,
  ready_at INTEGER,
  failures INTEGER NOT NULL,
  losses INTEGER NOT NULL,
  next_start_at INTEGER NOT NULL,
  stop_reason TEXT,
  last TEXT
) WITHOUT ROWID;
${EVENTS_SCHEMA}
${TIMERS_SCHEMA}`,
  },
  {
    id: "002_hold_cordon_kind",
    sql: `
ALTER TABLE deployments ADD COLUMN held INTEGER NOT NULL DEFAULT 0;
ALTER TABLE deployments ADD COLUMN cordoned INTEGER NOT NULL DEFAULT 0;
ALTER TABLE application ADD COLUMN kind TEXT NOT NULL DEFAULT 'application';`,
  },
  {
    id: "003_leases_rollouts",
    sql: `
ALTER TABLE deployments ADD COLUMN detail TEXT;
${LEASE_SCHEMA}
${ROLLOUTS_SCHEMA}`,
  },
  { id: "004_checks", sql: "ALTER TABLE deployments ADD COLUMN checks TEXT;" },
  {
    id: "005_locations",
    sql: `
ALTER TABLE deployments ADD COLUMN location TEXT;
ALTER TABLE deployments ADD COLUMN placement TEXT;
ALTER TABLE application ADD COLUMN blocked TEXT;`,
  },
  { id: "006_capacity", sql: "ALTER TABLE application ADD COLUMN limited INTEGER NOT NULL DEFAULT 0;" },
  {
    id: "007_shards",
    sql: `
ALTER TABLE application ADD COLUMN sharding TEXT;
${SHARDS_SCHEMA}`,
  },
  {
    id: "008_named_instances",
    sql: `
ALTER TABLE deployments ADD COLUMN name TEXT;
ALTER TABLE deployments ADD COLUMN asleep INTEGER NOT NULL DEFAULT 0;`,
  },
  {
    id: "009_start_choices",
    sql: `
ALTER TABLE deployments ADD COLUMN override TEXT;
ALTER TABLE deployments ADD COLUMN snapshots TEXT;
ALTER TABLE deployments ADD COLUMN stop_signal INTEGER;
${CHOICES_SCHEMA}`,
  },
  { id: "012_hooks", sql: HOOKS_SCHEMA },
  {
    id: "013_jobs",
    sql: `
ALTER TABLE deployments ADD COLUMN attempt TEXT;
${JOBS_SCHEMA}`,
  },
  { id: "014_schedules", sql: SCHEDULES_SCHEMA },
  { id: "015_tasks", sql: TASKS_SCHEMA },
  {
    id: "016_rollouts",
    sql: `
ALTER TABLE application ADD COLUMN rollout TEXT;
ALTER TABLE deployments ADD COLUMN parked_until INTEGER;
ALTER TABLE deployments ADD COLUMN revision TEXT;`,
  },
  { id: "017_job_names", sql: JOB_NAMES_SCHEMA },
  { id: "018_stable_version", sql: "ALTER TABLE application ADD COLUMN stable_version INTEGER;" },
  { id: "019_egress", sql: EGRESS_LOG_SCHEMA },
  { id: "020_images", sql: IMAGES_SCHEMA },
];
