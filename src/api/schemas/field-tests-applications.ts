/** Which test sees the effect of each field of applications, deployments, leases, tokens and lists. */

type Tests = Readonly<Record<string, readonly [file: string, title: string]>>;

const ACCESS = "test/workers/access.test.ts";
const API = "test/workers/api.test.ts";
const DEPLOYMENTS = "test/workers/deployments.test.ts";
const OWNERS = "test/workers/owners.test.ts";
const EVENTS = "test/workers/events.test.ts";
const HEALTH = "test/workers/health.test.ts";
const HOSTNAMES = "test/workers/hostnames.test.ts";
const INGRESS = "test/workers/ingress.test.ts";
const LAUNCH = "src/orchestrator/launch-spec.test.ts";
const LEASES = "test/workers/leases.test.ts";
const LIFECYCLE = "test/workers/lifecycle.test.ts";
const LISTS = "test/workers/list-filters.test.ts";
const METRICS = "test/workers/metrics.test.ts";
const NAMED = "test/workers/named-instances.test.ts";
const PLACEMENTS = "test/workers/placements.test.ts";
const SCALING = "test/workers/autoscaling.test.ts";
const WARM = "test/workers/warm-pool.test.ts";
const STORES = "test/workers/secrets-store.test.ts";
const WAIT = "test/workers/wait.test.ts";
const WHOLE = "test/workers/whole-application.test.ts";

const STARTED = "is kept, and each start carries environment, size and labels";
const SAID = "and what happens anyway is taken and shown";
const CHANGED = "to change what never changes is refused, and to say it again is not";
const READ_BACK = "takes back what was read, changes nothing by it and writes no row";
const CHECK_REQUEST = "has the method, headers and body that the check says";
const TIMES = "takes what a check says of itself, and the usual where it says nothing";
const WALKED = "is walked by page_token with filters, each event once";
const NARROWED = "narrows by type, deployment and time";
const FILTERED = "is narrowed by each filter";

const said: Tests = {
  scheduling_policy: [WHOLE, SAID],
  "constraints.tiers": [WHOLE, SAID],
};

const readOnly: Tests = Object.fromEntries(
  [
    "id",
    "account_id",
    "created_at",
    "updated_at",
    "version",
    "health",
    "state",
    "generation",
    "observed_generation",
    "active_rollout_id",
  ].map((field) => [field, [WHOLE, READ_BACK]] as const),
);

export const APPLICATION_FIELD_TESTS: Readonly<Record<string, Tests>> = {
  CreateApplication: {
    name: [API, "is created with what was asked for, and defaults said out loud"],
    instances: [LIFECYCLE, "follows 3 → 5 → 1 and stops what is too many"],
    max_instances: [API, "runs fewer when its maximum is lowered"],
    named_instances: [
      NAMED,
      "waits for its turn when as many are awake as may be, and is told so when that takes too long",
    ],
    warm: [WARM, "keeps one more ready, which no request gets, and gives it the traffic of one that is lost at once"],
    "autoscaling.min": [
      SCALING,
      "sleeps with none when nothing has come for idle_after, and comes back for the next request",
    ],
    "autoscaling.max": [SCALING, "goes up to what its load asks for, and no further than its most"],
    "autoscaling.target_concurrency": [SCALING, "goes up to what its load asks for, and no further than its most"],
    "autoscaling.target_rps": [SCALING, "follows requests a second where that is its target"],
    "autoscaling.queue_depth": [SCALING, "begins with as many as those who wait ask for"],
    "autoscaling.idle_after": [
      SCALING,
      "sleeps with none when nothing has come for idle_after, and comes back for the next request",
    ],
    "ingress.mode": [INGRESS, "one with a token is who has it, and the application never sees it"],
    hostnames: [HOSTNAMES, "reach the application, on all paths, and are shown in one form"],
    check_every: [LIFECYCLE, "takes hold of running instances at their next report"],
    "durable_objects.namespace_id": [WHOLE, "has one application, which the refusal of a second names with code 1608"],
    ...said,
  },
  PatchApplication: {
    autoscaling: [SCALING, "keeps its count when its specification is written again, and within new bounds"],
    name: [WHOLE, CHANGED],
    "durable_objects.namespace_id": [WHOLE, CHANGED],
    "ingress.mode": [INGRESS, "follows a patch"],
  },
  PutApplication: { name: [WHOLE, CHANGED], ...readOnly },
  LogsSwitch: { enabled: [WHOLE, "is switched off at once"] },
  ConfigurationInput: {
    image: [LIFECYCLE, STARTED],
    instance_type: [LIFECYCLE, STARTED],
    vcpu: [WHOLE, "keeps the other sizes when one is given over a type"],
    memory_mib: [WHOLE, "keeps the other sizes when one is given over a type"],
    "disk.size_mb": [WHOLE, "keeps the other sizes when one is given over a type"],
    "environment_variables[].name": [LIFECYCLE, STARTED],
    "environment_variables[].value": [LIFECYCLE, STARTED],
    "labels[].name": [LIFECYCLE, STARTED],
    "labels[].value": [LIFECYCLE, STARTED],
    entrypoint: [LIFECYCLE, STARTED],
    command: [LIFECYCLE, STARTED],
    checks: [HEALTH, "runs beside the others, each attempt for no longer than its timeout"],
    required_ports: [
      HEALTH,
      "keeps the instance from traffic until all of them accept connections, and the first gets the requests",
    ],
    startup_deadline: [HEALTH, "that does not pass in time ends the container, which is the application's failure"],
    drain_timeout: ["test/workers/drain.test.ts", "is not waited for at all with a drain_timeout of 0"],
    hard_timeout: [NAMED, "with a hard_timeout is ended by it, busy or not, and placed again"],
    sleep_after: [NAMED, "sleeps when nobody has called it for sleep_after, and is started by the next call"],
    stop_grace: ["test/workers/drain.test.ts", "gives a container the grace that its configuration says"],
  },
  Check: {
    name: [LAUNCH, TIMES],
    type: [HEALTH, "running is not started: a process that shows no sign of itself gets no traffic"],
    port: [LAUNCH, "resolves each check's port by name and its times to milliseconds"],
    "http.method": ["test/workers/check-request.test.ts", CHECK_REQUEST],
    "http.path": ["test/workers/check-request.test.ts", CHECK_REQUEST],
    "http.body": ["test/workers/check-request.test.ts", CHECK_REQUEST],
    "http.headers": ["test/workers/check-request.test.ts", CHECK_REQUEST],
    tls: [HEALTH, "%j is refused by its field"],
    expect_status: [HEALTH, "passes on the statuses that it expects, and on no redirect that it does not"],
    timeout: [HEALTH, "runs beside the others, each attempt for no longer than its timeout"],
    interval: [LAUNCH, TIMES],
    attempts_before_failure: [
      HEALTH,
      "that fails three times takes the instance out of traffic, kills nothing, and lets it back when it passes",
    ],
    grace_period: [HEALTH, "has its failures ignored in its grace period"],
    kind: [HEALTH, "keeps the others waiting until it has passed once, and is never asked again"],
  },
  CreateDeployment: {
    location: [DEPLOYMENTS, "is made as wrangler asks for it, and runs"],
    name: [OWNERS, "of a deployment is its own among all, and told again"],
  },
  PutOwner: { owner: [OWNERS, "is given to what is nobody's, and to nothing that is another's"] },
  PatchDeployment: { location: [DEPLOYMENTS, "takes another location, and tells its container"] },
  "POST /applications/{id}/lease": {
    ttl: [LEASES, "ends by itself, without a row or an alarm"],
    description: [LEASES, "keeps every write of others away, and its holder's not"],
  },
  "POST /placements/{placement}": { replace: [PLACEMENTS, "is replaced by the next one on request"] },
  CreateToken: {
    name: [ACCESS, "is shown once, and never again: not in lists, not by id, not in the audit"],
    scopes: [ACCESS, "of another scope gets the same answer for what exists and what does not"],
    applications: [
      ACCESS,
      "limited to an application reaches it by id and name, and no other: as if that were not there",
    ],
    expires_at: [LISTS, "that expires at a time says so, and is not made for a time that has passed"],
    ttl: [ACCESS, "that has expired is refused, and shown as expired"],
    "rate_limit.requests_per_second": [ACCESS, "over its rate gets 429 with Retry-After, and others do not suffer"],
  },
  "POST /client/v4/accounts": {
    name: [ACCESS, "made by the operator has applications of its own, reached by its own tokens only"],
  },
  query: {
    owner: [OWNERS, "is listed as its own, whatever it is"],
    after: [EVENTS, "give what is kept, then what happens, as lists show it"],
    app_id: [DEPLOYMENTS, "keeps its id over a change, whose version and placement follow"],
    "application (GET /events)": [
      EVENTS,
      "are there for an application that the query names, and take the filters of lists",
    ],
    "application (GET /metrics, GET /metrics)": [METRICS, "gets an application once that it names twice"],
    before: [ACCESS, "pages downwards without repeating"],
    deployment: [EVENTS, NARROWED],
    dry_run: [WHOLE, "of what is not there tells what would be made, and makes nothing"],
    "force (DELETE /applications/{id}/lease)": [
      LEASES,
      "is released by its holder, and by force by an administrator only",
    ],
    "image (GET /applications)": [API, "is found by name and by image in the list"],
    "image (GET /deployments/v2)": [DEPLOYMENTS, FILTERED],
    instance_costs: [METRICS, "count rows and alarms as the objects themselves do, the instances' when asked"],
    ipv4: [DEPLOYMENTS, FILTERED],
    label: [WHOLE, "are found by labels, written either way, all of which count"],
    last: [LISTS, "goes on behind the last one that was seen, with as many as are asked for"],
    "limit (GET /applications/{id}/rollouts)": [
      LISTS,
      "goes on behind the last one that was seen, with as many as are asked for",
    ],
    location: [DEPLOYMENTS, FILTERED],
    "name (GET /applications)": [API, "is found by name and by image in the list"],
    "name (GET /applications/{id}/events, GET /events)": [EVENTS, WALKED],
    "name (GET /client/v4/accounts)": [LISTS, "is found by its name"],
    name_prefix: [API, "are filtered by name and by whether they are active"],
    "page (GET /client/v4/accounts)": [LISTS, "has a first page by number, and no second"],
    "page_token (GET /deployments/v2)": [DEPLOYMENTS, "comes in pages that together are the whole"],
    "page_token (GET /applications/{id}/events, GET /events)": [EVENTS, WALKED],
    "per_page (GET /deployments/v2)": [DEPLOYMENTS, "comes in pages that together are the whole"],
    "per_page (GET /applications/{id}/events, GET /events)": [EVENTS, WALKED],
    search: [STORES, "takes what wrangler sends, finds it by name and deletes it by id"],
    "since (GET /applications/{id}/events, GET /events)": [EVENTS, NARROWED],
    "state (GET /applications/{id}/instances-v2, GET /applications/{id}/instances)": [
      API,
      "are filtered by name and by whether they are active",
    ],
    "state (GET /applications/{id}/wait)": [WAIT, "answers at once when the state is there"],
    "state (GET /applications/{id}/instances/{instance}/wait)": [WAIT, "answers when it runs, stops, and runs again"],
    "state (GET /deployments/v2)": [DEPLOYMENTS, FILTERED],
    timeout: [WAIT, "says how it is when the time is over, and that one may wait again"],
    type: [EVENTS, NARROWED],
    "page_token (the usual lists)": [API, "stands in the list exactly once, whatever the page size"],
    "per_page (the usual lists)": [API, "stands in the list exactly once, whatever the page size"],
    "page (GET /client/v4/accounts/{account_id}/secrets_store/stores, GET /client/v4/accounts/{account_id}/secrets_store/stores/{store_id}/secrets)":
      [STORES, "shows secrets that were made elsewhere, in numbered pages"],
    "per_page (GET /client/v4/accounts/{account_id}/secrets_store/stores, GET /client/v4/accounts/{account_id}/secrets_store/stores/{store_id}/secrets)":
      [STORES, "shows secrets that were made elsewhere, in numbered pages"],
  },
};
