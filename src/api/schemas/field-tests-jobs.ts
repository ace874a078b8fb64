/** Which test sees the effect of each field of jobs. */

type Tests = Readonly<Record<string, readonly [file: string, title: string]>>;

const BRIDGE = "test/workers/jobs-bridge.test.ts";
const API = "test/workers/jobs-api.test.ts";
const JOBS = "test/workers/jobs.test.ts";
const LAUNCH = "test/workers/jobs-launch.test.ts";
const LIMITS = "test/workers/jobs-limits.test.ts";
const RETRIES = "test/workers/jobs-retries.test.ts";
const STOPS = "test/workers/jobs-stops.test.ts";

const COMMAND =
  "runs the application's command where the job has none, and else its own, by a shell that keeps its output";
const SIZE = "runs in the size of its job: %s";
const VARIABLES = "has the variables of its job beside the application's, and in their place";
const SECRETS = "has the secrets of its job, which nothing shows, stores or tells";
const EXACT = "of tasks that fail once each end in exact counters, with never more than parallelism alive";
const NARROWED = "is narrowed by name, by state and by the schedule that made them";
const FIRST_RULE = "is decided by the first rule that fits, and not_in is every other code";

const room: Tests = {
  job_instances: [LIMITS, "is how many containers of jobs are alive at a time, of all jobs"],
  jobs: [LIMITS, "is 10 with jobs: true, and 0 with jobs: false, unless it is said"],
};

/** What schedules and tasks are made with too. */
const template: Tests = {
  entrypoint: [LAUNCH, COMMAND],
  command: [LAUNCH, COMMAND],
  image: [LAUNCH, "runs the image of its job"],
  instance_type: [LAUNCH, SIZE],
  vcpu: [LAUNCH, SIZE],
  vcpus: [LAUNCH, SIZE],
  memory_mib: [LAUNCH, SIZE],
  "environment_variables[].name": [LAUNCH, VARIABLES],
  "environment_variables[].value": [LAUNCH, VARIABLES],
  completions: [JOBS, "runs so many completions, so many at a time, each index once and told which it is"],
  parallelism: [RETRIES, EXACT],
  retries: [RETRIES, "end when they are used up: one retry is two attempts, and BackoffLimitExceeded"],
  retries_per_index: [RETRIES, "of an index end at retries_per_index, and the others go on: FailedIndexes"],
  max_failed_indexes: [RETRIES, "end for all when more indexes than max_failed_indexes have failed"],
  loss_retries: [JOBS, "that loses more than loss_retries has failed, with the reason that it is not its own"],
  backoff: [RETRIES, "wait for backoff, doubled with each failure, and never longer than max_backoff"],
  max_backoff: [RETRIES, "wait for backoff, doubled with each failure, and never longer than max_backoff"],
  timeout: [STOPS, "of an attempt is over after its timeout, which is a failure that is tried again"],
  deadline: [STOPS, "is over at its deadline: SIGTERM, and SIGKILL after the grace where that is ignored"],
  "failure_policy[].action": [RETRIES, "fails the job by the exit code, retries or not"],
  "failure_policy[].exit_codes.operator": [RETRIES, FIRST_RULE],
  "failure_policy[].exit_codes.values": [RETRIES, FIRST_RULE],
  "success_policy[].indexes": [RETRIES, "is met by the indexes that it names, and what else runs is ended"],
  "success_policy[].count": [RETRIES, "is met by so many of them, or of any"],
  ttl: [STOPS, "that it is kept is its ttl, and then nothing of it is left"],
  payload: [BRIDGE, "reads what it is, and what the job was submitted with"],
  fairness_key: [LIMITS, "is shared between fairness keys, however many jobs one of them has"],
  shell: [JOBS, "with shell: false is run as it is, and only its code is kept"],
};

export const JOB_FIELD_TESTS: Readonly<Record<string, Tests>> = {
  CreateApplication: room,
  PatchApplication: room,
  PutApplication: room,
  CreateJob: {
    name: [API, "says of a job what asking for it by id or by name says"],
    ...template,
    "secrets[].name": [LAUNCH, SECRETS],
    "secrets[].value": [LAUNCH, SECRETS],
    "secrets[].type": [LAUNCH, SECRETS],
    suspend: [STOPS, "from the beginning waits to be resumed, and the deadline does not run"],
  },
  PatchJob: {
    terminate: [STOPS, "ends what runs, and is said once and for all"],
    suspend: [STOPS, "ends what runs, which is no failure, and resuming goes on with what is left"],
  },
  query: {
    "name (GET /applications/{id}/jobs)": [API, NARROWED],
    schedule: [API, NARROWED],
    "state (GET /applications/{id}/jobs)": [API, NARROWED],
    "state (GET /applications/{id}/jobs/{job}/wait)": [
      API,
      "ends when it is in the state that is asked for, of which finished is any end",
    ],
  },
};
