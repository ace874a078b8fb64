/** From samples to the text that Prometheus reads. Pure; the order is that of the samples, so it is stable. */
import type { AccountSample } from "./account-sample.ts";
import type { ApplicationSample, ObjectCosts } from "./application-sample.ts";
import { containerLabels, Family, type Labels } from "./exposition.ts";

export interface Scraped {
  readonly id: string;
  readonly name: string;
  readonly kind: string;
  /** Null: it did not answer. */
  readonly sample: ApplicationSample | null;
  /** Costs of its instances' objects by deployment; empty when they were not asked for. */
  readonly instanceCosts: ReadonlyMap<string, ObjectCosts>;
}

const SINCE_MEMORY = "since the object came into memory";

const GAUGES: readonly [name: string, help: string, value: (sample: ApplicationSample) => number][] = [
  ["gantry_application_instances_desired", "Instances that are wanted.", ({ desired }) => desired],
  ["gantry_application_instances_active", "Instances that have been ready in their placement.", (s) => s.health.active],
  ["gantry_application_instances_ready", "Instances that take traffic.", ({ health }) => health.healthy],
  ["gantry_application_instances_failed", "Instances that wait after a failure of their own.", (s) => s.health.failed],
  ["gantry_application_instances_starting", "Instances that were started and not ready yet.", (s) => s.health.starting],
  [
    "gantry_application_instances_scheduling",
    "Instances that are wanted and have no container.",
    (s) => s.health.scheduling,
  ],
  ["gantry_application_generation", "Changes of the specification so far.", ({ generation }) => generation],
  [
    "gantry_application_observed_generation",
    "Generation that the scheduler has acted on.",
    (s) => s.observedGeneration,
  ],
  ["gantry_application_version", "Version of the configuration that is active.", ({ version }) => version],
];

export function metricsText(applications: readonly Scraped[], account: AccountSample | null): string {
  const answered = applications.flatMap(({ name, sample, instanceCosts }) =>
    sample === null ? [] : [{ sample, instanceCosts, label: ["application", name] as const }],
  );
  const info = new Family("gantry_application_info", "gauge", "1 for every application: its id and kind.");
  const up = new Family(
    "gantry_application_up",
    "gauge",
    "1 when the application's object answered this scrape, else 0.",
  );
  for (const { id, name, kind, sample } of applications) {
    info.add(
      [
        ["application", name],
        ["application_id", id],
        ["kind", kind],
      ],
      1,
    );
    up.add([["application", name]], sample === null ? 0 : 1);
  }
  const gauges = GAUGES.map(([name, help, valueOf]) => {
    const family = new Family(name, "gauge", help);
    for (const { label, sample } of answered) family.add([label], valueOf(sample));
    return family;
  });
  const events = new Family("gantry_events_total", "counter", "Events of an application since its creation.");
  const ends = new Family(
    "gantry_container_ends_total",
    "counter",
    "Containers that ended since the application's creation: exited (a failure of the application), stopped (wanted), lost, refused and never-started (failures of the platform or the configuration).",
  );
  const instances = new Family(
    "gantry_instance_ready",
    "gauge",
    "1 when the instance takes traffic, else 0. Labels of its container are label_<name>.",
  );
  const asked = new Family(
    "gantry_egress_requests_total",
    "counter",
    "Requests of an application's containers to hosts, by whether they were denied.",
  );
  const bytes = new Family(
    "gantry_egress_bytes_total",
    "counter",
    "Bytes of bodies, to hosts (up) and from them (down).",
  );
  for (const { label, sample } of answered) {
    const { requests: all, denied, bytesUp, bytesDown } = sample.egress;
    asked.add([label, ["outcome", "allowed"]], all - denied);
    asked.add([label, ["outcome", "denied"]], denied);
    bytes.add([label, ["direction", "up"]], bytesUp);
    bytes.add([label, ["direction", "down"]], bytesDown);
    for (const [type, count] of sorted(sample.totals.types)) events.add([label, ["type", type]], count);
    for (const [outcome, count] of sorted(sample.totals.ends)) ends.add([label, ["outcome", outcome]], count);
    for (const { name, deployment, version, ready, labels } of sample.instances) {
      const own: Labels = [label, ["instance", name], ["deployment", deployment], ["version", String(version)]];
      instances.add([...own, ...containerLabels(labels)], ready ? 1 : 0);
    }
  }
  const families = [
    info,
    up,
    ...gauges,
    events,
    ends,
    asked,
    bytes,
    instances,
    ...costs(answered, account),
    ...requests(account),
  ];
  return families.join("");
}

function costs(
  answered: readonly { sample: ApplicationSample; instanceCosts: Scraped["instanceCosts"]; label: Labels[number] }[],
  account: AccountSample | null,
): Family[] {
  const rows = new Family("gantry_object_rows_written_total", "counter", `Rows written by an object ${SINCE_MEMORY}.`);
  const alarms = new Family("gantry_object_alarms_set_total", "counter", `Alarms set by an object ${SINCE_MEMORY}.`);
  const add = (labels: Labels, { rowsWritten, alarmsSet }: ObjectCosts) => {
    rows.add(labels, rowsWritten);
    alarms.add(labels, alarmsSet);
  };
  if (account !== null) add([["class", "Account"]], account.costs);
  for (const { label, sample, instanceCosts } of answered) {
    add([["class", "Application"], label], sample.costs);
    for (const [deployment, cost] of instanceCosts) {
      add([["class", "Instance"], label, ["deployment", deployment]], cost);
    }
  }
  return [rows, alarms];
}

function requests(account: AccountSample | null): Family[] {
  if (account === null) return [];
  const total = new Family(
    "gantry_api_requests_total",
    "counter",
    `Answered requests of the control API with a valid token of this account, ${SINCE_MEMORY}.`,
  );
  for (const { method, route, status, count } of account.requests) {
    total.add(
      [
        ["method", method],
        ["route", route],
        ["status", status],
      ],
      count,
    );
  }
  const start = new Family(
    "gantry_account_start_time_seconds",
    "gauge",
    "When the account's object came into memory, from which its counters count.",
  );
  start.add([], account.startedAt / 1_000);
  return [total, start];
}

function sorted(counts: Readonly<Record<string, number>>): [string, number][] {
  return Object.entries(counts).toSorted(([a], [b]) => (a < b ? -1 : 1));
}
