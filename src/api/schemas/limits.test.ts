/** Every limit of the schemas: accepted at it, refused just beyond it, under the field's own path. */
import { describe, it } from "vitest";
import { MAX_INSTANCES } from "../../orchestrator/warm.ts";
import { createApplicationSchema } from "./application.ts";
import { CHECK_LIMITS } from "./check.ts";
import { LIMITS } from "./configuration.ts";

const base = { name: "web", instances: 1 };
const of = (configuration: object) => ({ ...base, configuration: { image: "hello-world", ...configuration } });
const many = <T>(count: number, item: (index: number) => T) => Array.from({ length: count }, (_, index) => item(index));
const env = (value: object) => of({ environment_variables: [{ name: "A", value: "", ...value }] });
const label = (value: object) => of({ labels: [{ name: "a", value: "", ...value }] });
const ports = (count: number) => many(count, (index) => ({ name: `p${index}`, port: index + 1 }));
const check = (value: object) =>
  of({ ports: ports(1), checks: [{ type: "http", port: "p0", kind: "ready", http: { path: "/" }, ...value }] });
const x = (length: number) => "x".repeat(length);

const limits: readonly [field: string, at: object, beyond: object][] = [
  ["name", { ...of({}), name: x(63) }, { ...of({}), name: x(64) }],
  ["instances", { ...of({}), instances: MAX_INSTANCES }, { ...of({}), instances: MAX_INSTANCES + 1 }],
  ["instances", { ...of({}), instances: 0 }, { ...of({}), instances: -1 }],
  ["max_instances", { ...of({}), max_instances: MAX_INSTANCES }, { ...of({}), max_instances: MAX_INSTANCES + 1 }],
  ["instances", { ...of({}), instances: 2, max_instances: 2 }, { ...of({}), instances: 3, max_instances: 2 }],
  ["check_every", { ...of({}), check_every: 1 }, { ...of({}), check_every: "999ms" }],
  ["check_every", { ...of({}), check_every: "1h" }, { ...of({}), check_every: "1h1ms" }],
  ["configuration.image", of({ image: x(512) }), of({ image: x(513) })],
  ["configuration.image", of({ image: "x" }), of({ image: "" })],
  ["configuration.vcpu", of({ vcpu: 4 }), of({ vcpu: 4.01 })],
  ["configuration.vcpu", of({ vcpu: 0.0625 }), of({ vcpu: 0.06 })],
  ["configuration.memory_mib", of({ memory_mib: 12_288 }), of({ memory_mib: 12_289 })],
  ["configuration.memory_mib", of({ memory_mib: 128 }), of({ memory_mib: 127 })],
  ["configuration.disk.size_mb", of({ disk: { size_mb: 20_000 } }), of({ disk: { size_mb: 20_001 } })],
  [
    "configuration.environment_variables",
    of({ environment_variables: many(LIMITS.environmentVariables, (index) => ({ name: `A${index}`, value: "" })) }),
    of({ environment_variables: many(LIMITS.environmentVariables + 1, (index) => ({ name: `A${index}`, value: "" })) }),
  ],
  ["configuration.environment_variables.0.name", env({ name: `A${x(255)}` }), env({ name: `A${x(256)}` })],
  [
    "configuration.environment_variables.0.value",
    env({ value: x(LIMITS.environmentValueLength) }),
    env({ value: x(LIMITS.environmentValueLength + 1) }),
  ],
  [
    "configuration.labels",
    of({ labels: many(LIMITS.labels, (index) => ({ name: `l${index}`, value: "" })) }),
    of({ labels: many(LIMITS.labels + 1, (index) => ({ name: `l${index}`, value: "" })) }),
  ],
  ["configuration.labels.0.name", label({ name: "é".repeat(8) }), label({ name: `${"é".repeat(8)}x` })],
  ["configuration.labels.0.value", label({ value: x(64) }), label({ value: x(65) })],
  ["configuration.labels.0.value", label({ value: "a b" }), label({ value: "a\tb" })],
  ["configuration.ports", of({ ports: ports(LIMITS.ports) }), of({ ports: ports(LIMITS.ports + 1) })],
  [
    "configuration.ports.0.port",
    of({ ports: [{ name: "p", port: 65_535 }] }),
    of({ ports: [{ name: "p", port: 65_536 }] }),
  ],
  ["configuration.ports.0.name", of({ ports: [{ name: x(15), port: 1 }] }), of({ ports: [{ name: x(16), port: 1 }] })],
  ["configuration.ports.0.name", of({ ports: [{ name: "a-b", port: 1 }] }), of({ ports: [{ name: "a--b", port: 1 }] })],
  [
    "configuration.entrypoint",
    of({ entrypoint: many(LIMITS.arguments, () => "x") }),
    of({ entrypoint: many(LIMITS.arguments + 1, () => "x") }),
  ],
  [
    "configuration.entrypoint.0",
    of({ entrypoint: [x(LIMITS.argumentLength)] }),
    of({ entrypoint: [x(LIMITS.argumentLength + 1)] }),
  ],
  ["configuration.checks.0.timeout", check({ timeout: "10ms" }), check({ timeout: "9ms" })],
  ["configuration.checks.0.grace_period", check({ grace_period: "1h" }), check({ grace_period: "1h1s" })],
  ["configuration.checks.0.expect_status.0", check({ expect_status: [599] }), check({ expect_status: [600] })],
  ["configuration.checks.0.expect_status.0", check({ expect_status: ["5xx"] }), check({ expect_status: ["6xx"] })],
  [
    "configuration.checks.0.expect_status",
    check({ expect_status: many(CHECK_LIMITS.expectedStatuses, () => 200) }),
    check({ expect_status: many(CHECK_LIMITS.expectedStatuses + 1, () => 200) }),
  ],
  ["configuration.checks.0.expect_status", check({ expect_status: [200] }), check({ expect_status: [] })],
  [
    "configuration.checks.0.name",
    check({ name: x(CHECK_LIMITS.nameLength) }),
    check({ name: x(CHECK_LIMITS.nameLength + 1) }),
  ],
  ["configuration.checks.0.tls", check({ tls: false }), check({ tls: true })],
  ["configuration.startup_deadline", of({ startup_deadline: "1h" }), of({ startup_deadline: "1h1s" })],
  ["configuration.startup_deadline", of({ startup_deadline: "1s" }), of({ startup_deadline: "999ms" })],
  ["configuration.drain_timeout", of({ drain_timeout: "15m" }), of({ drain_timeout: "15m1s" })],
  ["configuration.drain_timeout", of({ drain_timeout: 0 }), of({ drain_timeout: -1 })],
  ["configuration.stop_grace", of({ stop_grace: "15m" }), of({ stop_grace: "15m1s" })],
  ["configuration.checks.0.timeout", check({ timeout: 60 }), check({ timeout: 60.01 })],
  ["configuration.checks.0.interval", check({ interval: "100ms" }), check({ interval: "99ms" })],
  [
    "configuration.checks.0.attempts_before_failure",
    check({ attempts_before_failure: 100 }),
    check({ attempts_before_failure: 101 }),
  ],
  ["configuration.checks.0.http.path", check({ http: { path: "/" } }), check({ http: { path: "http://other.test/" } })],
  [
    "configuration.checks.0.http.body",
    check({ http: { path: "/", method: "POST", body: x(CHECK_LIMITS.bodyLength) } }),
    check({ http: { path: "/", method: "POST", body: x(CHECK_LIMITS.bodyLength + 1) } }),
  ],
  [
    "configuration.checks.0.http.body",
    check({ http: { path: "/", method: "PUT", body: "" } }),
    check({ http: { path: "/", method: "PUT" } }),
  ],
];

describe("a limit", () => {
  it.for(limits)("of %s is kept exactly", ([field, at, beyond], { expect }) => {
    expect(createApplicationSchema.safeParse(at).error).toBeUndefined();
    const { error } = createApplicationSchema.safeParse(beyond);
    expect(error?.issues.map(({ path }) => path.join("."))).toEqual([field]);
  });
});
