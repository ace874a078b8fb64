import { describe, it } from "vitest";
import { parseMetrics, valuesOf } from "../../test/prometheus.ts";
import type { ApplicationSample } from "./application-sample.ts";
import { containerLabels, Family } from "./exposition.ts";
import { metricsText, type Scraped } from "./families.ts";
import { AnsweredRequests, RequestCounts } from "./request-counts.ts";

const SAMPLE: ApplicationSample = {
  kind: "application",
  desired: 3,
  health: { active: 2, healthy: 1, failed: 1, starting: 0, scheduling: 0 },
  generation: 4,
  observedGeneration: 4,
  version: 2,
  instances: [
    { name: "web-0", deployment: "web-0-a", version: 2, ready: true, labels: [{ name: "team", value: 'a"b\\c\nd' }] },
    { name: "web-0", deployment: "web-0-b", version: 1, ready: false, labels: [] },
  ],
  totals: { types: { Info: 12, Error: 1 }, ends: { exited: 1, lost: 2 } },
  egress: { requests: 10, denied: 4, bytesUp: 100, bytesDown: 2_000 },
  costs: { rowsWritten: 20, alarmsSet: 3 },
};

const scraped = (name: string, sample: ApplicationSample | null): Scraped => ({
  id: `id-of-${name}`,
  name,
  kind: "application",
  sample,
  instanceCosts: new Map([["web-0-a", { rowsWritten: 5, alarmsSet: 1 }]]),
});

const ACCOUNT = {
  startedAt: 1_500,
  requests: [{ method: "GET", route: "/applications/:id", status: "2xx", count: 7 }],
  costs: { rowsWritten: 9, alarmsSet: 0 },
};

describe("the text", () => {
  const families = parseMetrics(metricsText([scraped("web", SAMPLE), scraped("mute", null)], ACCOUNT));

  it("is valid and says what every family is", ({ expect }) => {
    expect(families.size).toBeGreaterThan(15);
    for (const { help } of families.values()) expect(help.length).toBeGreaterThan(10);
  });

  it("has the counts of applications and the totals of what happened", ({ expect }) => {
    const gauges = ["desired", "active", "ready", "failed", "starting", "scheduling"].map(
      (state) => valuesOf(families, `gantry_application_instances_${state}`, "application")["web"],
    );
    expect(gauges).toEqual([3, 2, 1, 1, 0, 0]);
    expect(valuesOf(families, "gantry_application_generation", "application")).toEqual({ web: 4 });
    expect(valuesOf(families, "gantry_application_version", "application")).toEqual({ web: 2 });
    expect(valuesOf(families, "gantry_events_total", "type")).toEqual({ Info: 12, Error: 1 });
    expect(valuesOf(families, "gantry_container_ends_total", "outcome")).toEqual({ exited: 1, lost: 2 });
    expect(valuesOf(families, "gantry_egress_requests_total", "outcome")).toEqual({ allowed: 6, denied: 4 });
    expect(valuesOf(families, "gantry_egress_bytes_total", "direction")).toEqual({ up: 100, down: 2_000 });
  });

  it("names instances with their containers' labels, whatever is in them", ({ expect }) => {
    expect(families.get("gantry_instance_ready")?.metrics).toEqual([
      {
        name: "gantry_instance_ready",
        labels: {
          application: "web",
          instance: "web-0",
          deployment: "web-0-a",
          version: "2",
          label_team: 'a"b\\c\nd',
        },
        value: 1,
      },
      {
        name: "gantry_instance_ready",
        labels: { application: "web", instance: "web-0", deployment: "web-0-b", version: "1" },
        value: 0,
      },
    ]);
  });

  it("says of an application that did not answer that it is there, and nothing else", ({ expect }) => {
    expect(valuesOf(families, "gantry_application_up", "application")).toEqual({ web: 1, mute: 0 });
    expect(valuesOf(families, "gantry_application_info", "application")).toEqual({ web: 1, mute: 1 });
    expect(valuesOf(families, "gantry_application_generation", "application")).not.toHaveProperty("mute");
  });

  it("has what objects cost by class, and the account's requests", ({ expect }) => {
    expect(valuesOf(families, "gantry_object_rows_written_total", "class")).toEqual({
      Account: 9,
      Application: 20,
      Instance: 5,
    });
    expect(valuesOf(families, "gantry_object_alarms_set_total", "class")).toEqual({
      Account: 0,
      Application: 3,
      Instance: 1,
    });
    expect(families.get("gantry_api_requests_total")?.metrics[0]).toMatchObject({
      labels: { method: "GET", route: "/applications/:id", status: "2xx" },
      value: 7,
    });
    expect(families.get("gantry_account_start_time_seconds")?.metrics[0]?.value).toBe(1.5);
  });

  it("leaves the account out for whom it is not", ({ expect }) => {
    const limited = parseMetrics(metricsText([scraped("web", SAMPLE)], null));
    expect(limited.has("gantry_api_requests_total")).toBe(false);
    expect(valuesOf(limited, "gantry_object_rows_written_total", "class")).not.toHaveProperty("Account");
  });
});

describe("labels of a container", () => {
  it.for([
    [["team"], ["label_team"]],
    [["app.kubernetes/x"], ["label_app_kubernetes_x"]],
    [["0ß🙂"], ["label_0__"]],
    [["__name__"], ["label___name__"]],
    [
      ["a.b", "a-b", "c"],
      ["label_a_b_conflict1", "label_a_b_conflict2", "label_c"],
    ],
    [
      ["a.b_conflict1", "a.b", "a-b"],
      ["label_a_b_conflict1", "label_a_b_conflict2", "label_a_b_conflict3"],
    ],
  ] as const)("%j become %j", ([names, expected], { expect }) => {
    const labels = containerLabels(names.map((name, index) => ({ name, value: String(index) })));
    expect(labels).toEqual(expected.map((name, index) => [name, String(index)]));
  });
});

describe("the reader that tests trust", () => {
  const head = "# HELP a_total b\n# TYPE a_total counter\n";
  it.for([
    [`${head}a_total 1`, "does not end"],
    [`a_total 1\n`, "outside of its family"],
    [`${head}a_total 1\na_total 2\n`, "twice"],
    [`${head}a_total{b="1",b="2"} 1\n`, "twice"],
    [`${head}a_total{b="1\n"} 1\n`, "no sample"],
    [`${head}a_total{b="x"y"} 1\n`, "no label"],
    [`${head}a_total{b="\\d"} 1\n`, "no label"],
    [`${head}a_total{__b="1"} 1\n`, "own"],
    [`${head}a_total{b-c="1"} 1\n`, "no label"],
    [`${head}a_total 1 1700000000000\n`, "no sample"],
    [`${head}a_total undefined\n`, "no number"],
    [`${head}a_total -1\n`, "below 0"],
    [`${head}${head}`, "twice"],
    [`# TYPE a_total counter\n`, "without its HELP"],
    [`# HELP a b\n# TYPE a counter\n`, "_total"],
  ] as const)("refuses %j", ([text, why], { expect }) => {
    expect(() => parseMetrics(text)).toThrow(why);
  });

  it("reads back what the writer escapes", ({ expect }) => {
    const family = new Family("a_total", "counter", "back\\slash\nand line");
    const value = '\\n"\n\\\\ é';
    family.add([["b", value]], 1e21);
    expect(parseMetrics(String(family)).get("a_total")?.metrics).toEqual([
      { name: "a_total", labels: { b: value }, value: 1e21 },
    ]);
  });
});

describe("counts of requests", () => {
  const get = { method: "GET", route: "/x", status: "2xx", count: 1 };

  it("add up and come in a stable order", ({ expect }) => {
    const counts = new RequestCounts();
    counts.add([{ ...get, method: "POST" }, get, get]);
    counts.add([{ ...get, count: 3 }]);
    expect(counts.all()).toEqual([
      { ...get, count: 5 },
      { ...get, method: "POST" },
    ]);
  });

  it("are told once, and again when they did not arrive", ({ expect }) => {
    const answered = new AnsweredRequests();
    answered.add("a", [get, get]);
    answered.add("b", [get]);
    const taken = answered.take("a");
    expect(taken).toEqual([{ ...get, count: 2 }]);
    expect(answered.take("a")).toEqual([]);
    answered.add("a", [get]);
    answered.add("a", taken);
    expect(answered.take("a")).toEqual([{ ...get, count: 3 }]);
    expect(answered.take("b")).toEqual([get]);
  });

  it("of many accounts do not grow without bound", ({ expect }) => {
    const answered = new AnsweredRequests();
    for (let account = 0; account < 1_500; account += 1) answered.add(String(account), [get]);
    const kept = Array.from({ length: 1_500 }, (_, account) => answered.take(String(account))).filter(
      (counts) => counts.length > 0,
    );
    expect(kept.length).toBeLessThanOrEqual(1_000);
    expect(kept.length).toBeGreaterThan(0);
  });
});
