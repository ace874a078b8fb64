import { describe, it } from "vitest";
import { createApplicationSchema } from "../../api/schemas/application.ts";
import { INSTANCE_TYPES, LIMITS as API_LIMITS } from "../../api/schemas/configuration.ts";
import { EGRESS_LIMITS } from "../../api/schemas/egress.ts";
import { SECRET_LIMITS } from "../../api/schemas/secret.ts";
import { GantryError } from "../errors.ts";
import { toApplication, toApplications, toRollout, wranglerImages } from "./application.ts";
import { LIMITS, type ContainerConfig } from "./config.ts";
import { defineContainer, isContainerDefinition } from "./define-container.ts";
import { imageSource } from "./image.ts";
import { applicationName } from "./names.ts";

const image = "./containers/web";

/** Problems by field. What is given here is wrong on purpose. */
function problemsOf(config: unknown): Record<string, unknown> {
  try {
    defineContainer(config as ContainerConfig);
  } catch (error) {
    if (GantryError.is(error) && error.code === "VALIDATE_INPUT") return { ...error.details };
    throw error;
  }
  return {};
}

const accepted = (body: Record<string, unknown>) => createApplicationSchema.safeParse(body).error?.issues;
describe("a definition", () => {
  it("is what was given, and nobody's to change", ({ expect }) => {
    const env = { A: "1" };
    const web = defineContainer({ image, env, defaultPort: 8_080, sleepAfter: "5m" });
    env.A = "2";
    expect(web).toEqual({ image, env: { A: "1" }, defaultPort: 8_080, sleepAfter: "5m" });
    expect(Object.isFrozen(web.env)).toBe(true);
    expect(isContainerDefinition(web)).toBe(true);
    expect(isContainerDefinition({ image })).toBe(false);
  });

  it("takes every option of the documentation", ({ expect }) => {
    expect(
      problemsOf({
        image,
        name: "my-web",
        defaultPort: 8_080,
        requiredPorts: [8_080, 9_090],
        instanceType: { vcpu: 0.5, memoryMib: 1_024, diskMb: 2_000 },
        maxInstances: 9,
        namedInstances: 3,
        warm: 1,
        autoscaling: { min: 0, max: 5, targetConcurrency: 20 },
        sleepAfter: 300,
        hardTimeout: "1h30m",
        env: { A: "" },
        secrets: ["API_KEY"],
        secretsStore: { STRIPE_KEY: "STRIPE_SECRET" },
        buildArgs: { NODE_VERSION: "24" },
        entrypoint: ["node", "server.js"],
        enableInternet: false,
        allowedHosts: ["*.stripe.com"],
        deniedHosts: ["*.evil.com"],
        interceptHttps: true,
        pingEndpoint: "ping",
        labels: { team: "media" },
        readyOn: [{ path: "/ready" }, { path: "live", port: 9_090, status: 204 }],
        rollout: {
          stepPercentage: 25,
          gracePeriodSeconds: 30,
          maxSurge: "50%",
          maxUnavailable: 1,
          minHealthyTime: "5s",
          progressDeadline: null,
          autoRevert: false,
          scaleDownDelay: 60,
        },
        ingress: "token",
        hostnames: ["app.example.com"],
        hooks: "HOOKS",
        bridge: "FUNCTIONS",
        bridgeToken: true,
        maxHold: "2h",
      }),
    ).toEqual({});
  });

  it.for<[string, Record<string, unknown>, string]>([
    ["image", { image: undefined }, "required"],
    ["image", { image: "" }, "empty"],
    ["image", { image: "docker.io/acme/web:1.4" }, '{ registry: "docker.io/acme/web:1.4" }'],
    ["image", { image: "containers/web" }, '"./containers/web"'],
    ["image.registry", { image: { registry: " " } }, "image reference"],
    ["image", { image: { build: "./w" } }, "must be a path"],
    ["name", { name: "My Web" }, "lower-case"],
    ["defaultPort", { defaultPort: 0 }, "1 to 65535"],
    ["defaultPort", { defaultPort: "8080" }, "1 to 65535"],
    ["requiredPorts", { requiredPorts: [] }, "leave it out"],
    ["requiredPorts[1]", { requiredPorts: [1, 70_000] }, "1 to 65535"],
    ["requiredPorts", { requiredPorts: [80, 80] }, "twice"],
    ["instanceType", { instanceType: "huge" }, "standard-4"],
    ["instanceType.vcpu", { instanceType: { vcpu: 64, memoryMib: 1_024, diskMb: 2_000 } }, "to 4"],
    ["maxInstances", { maxInstances: 0 }, "from 1"],
    ["maxInstances", { maxInstances: Number.NaN }, "whole number"],
    ["instances", { instances: 3, maxInstances: 2 }, "maxInstances (2)"],
    ["instances", { instances: 1, autoscaling: { min: 0, max: 2, targetRps: 1 } }, "leave one"],
    ["namedInstances", { instances: 3, maxInstances: 5, namedInstances: 3 }, "at most 2"],
    ["warm", { warm: 20, instances: 1 }, "at most 19: maxInstances (20) less the pool's 1"],
    ["autoscaling", { autoscaling: { min: 0, max: 2 } }, "exactly one"],
    ["autoscaling", { autoscaling: { min: 0, max: 2, targetRps: 1, queueDepth: 1 } }, "exactly one"],
    ["autoscaling.min", { autoscaling: { min: 3, max: 2, targetRps: 1 } }, "autoscaling.max (2)"],
    ["autoscaling.max", { autoscaling: { min: 0, max: 30, targetRps: 1 } }, "maxInstances (20)"],
    ["autoscaling.targetRps", { autoscaling: { min: 0, max: 2, targetRps: 0 } }, "0.1 to 100000"],
    ["autoscaling.idleAfter", { autoscaling: { min: 1, max: 2, targetRps: 1, idleAfter: "5m" } }, "min is 0"],
    ["sleepAfter", { sleepAfter: "0s" }, "from 1 s"],
    ["sleepAfter", { sleepAfter: 0 }, "from 1 s"],
    ["sleepAfter", { sleepAfter: "5 minutes" }, '"5m"'],
    ["sleepAfter", { sleepAfter: "8d" }, "604800 s"],
    ["sleepAfter", { sleepAfter: "5m", namedInstances: 0 }, "only named instances sleep"],
    ["hardTimeout", { hardTimeout: "0s" }, "from 1 s"],
    ["env.1A", { env: { "1A": "x" } }, "variable name"],
    ["env.GANTRY_X", { env: { GANTRY_X: "x" } }, "GANTRY_"],
    ["env.A", { env: { A: 1 } }, "must be a text"],
    ["env.A", { env: { A: "\0" } }, "NUL"],
    ["secrets[0]", { env: { A: "" }, secrets: ["A"] }, "in env too"],
    ["secrets[1]", { secrets: ["A", "A"] }, "in secrets too"],
    ["secretsStore.A", { secrets: ["A"], secretsStore: { A: "B" } }, "in secrets too"],
    ["secretsStore.A", { env: { A: "" }, secretsStore: { A: "B" } }, "in env too"],
    ["secretsStore.A", { secretsStore: { A: " " } }, "name of a secret"],
    ["buildArgs", { image: { registry: "ghcr.io/a/b" }, buildArgs: { A: "1" } }, "not built"],
    ["entrypoint", { entrypoint: [] }, "leave it out"],
    ["entrypoint[0]", { entrypoint: [" "] }, "blank"],
    ["enableInternet", { enableInternet: "no" }, "true or false"],
    ["allowedHosts[0]", { allowedHosts: ["*stripe.com"] }, "in front"],
    ["deniedHosts", { deniedHosts: ["a.com"] }, "enableInternet: true"],
    ["interceptHttps", { interceptHttps: true }, "enableInternet: true"],
    ["pingEndpoint", { pingEndpoint: "ping" }, "defaultPort"],
    ["pingEndpoint", { pingEndpoint: " ", defaultPort: 1 }, "path"],
    ["labels.a-name-that-is-too-long", { labels: { "a-name-that-is-too-long": "" } }, "16 bytes"],
    ["labels.gantry.x", { labels: { "gantry.x": "" } }, "gantry."],
    ["labels", { labels: { a: "", b: "", c: "", d: "", e: "", f: "" } }, "at most 5"],
    ["readyOn[0].port", { readyOn: [{ path: "/ready" }] }, "defaultPort"],
    ["readyOn[0].path", { defaultPort: 1, readyOn: [{ path: "/a b" }] }, "blanks"],
    ["readyOn[0].status", { defaultPort: 1, readyOn: [{ path: "/", status: 99 }] }, "100 to 599"],
    ["rollout.stepPercentage", { rollout: { stepPercentage: 0 } }, "1 to 100"],
    ["hostnames[0]", { hostnames: ["*.example.com"] }, "host name"],
    ["hooks", { hooks: "my-hooks" }, "binding"],
    ["bridge", { bridge: "my-worker" }, "binding"],
    ["maxHold", { maxHold: "6h" }, "18000 s"],
    ["slepAfter", { slepAfter: "5m" }, "not an option"],
    ["rollout.steps", { rollout: { steps: 1 } }, "not an option"],
    ["rollout.maxSurge", { rollout: { maxSurge: "a lot" } }, "25%"],
    ["rollout.maxUnavailable", { rollout: { maxUnavailable: -1 } }, "25%"],
    ["rollout.maxUnavailable", { rollout: { maxSurge: "0%" } }, "nothing could be replaced"],
    ["rollout.minHealthyTime", { rollout: { minHealthyTime: "10m" } }, "below progressDeadline"],
    ["rollout.progressDeadline", { rollout: { progressDeadline: 5 } }, "above minHealthyTime"],
    ["rollout.progressDeadline", { rollout: { progressDeadline: "8d" } }, "604800 s"],
    ["rollout.scaleDownDelay", { rollout: { scaleDownDelay: "2d" } }, "86400 s"],
    ["rollout.autoRevert", { rollout: { autoRevert: "yes" } }, "true or false"],
  ])("is refused with the field and the way out: %s of %j", ([field, config, why], { expect }) => {
    expect(problemsOf({ image, ...config })).toMatchObject({ [field]: expect.stringContaining(why) });
  });

  it("refuses names that an object would lose without a word", ({ expect }) => {
    const hostile = JSON.parse('{"image":"./","env":{"__proto__":"x"},"labels":{"__proto__":"y"}}') as unknown;
    expect(problemsOf(hostile)).toEqual({
      "env.__proto__": expect.stringContaining("JavaScript"),
      "labels.__proto__": expect.stringContaining("JavaScript"),
    });
    expect(problemsOf(JSON.parse('{"image":"./","__proto__":{}}'))).toHaveProperty(["__proto__"]);
    expect(problemsOf({ image: "./", env: { constructor: "1", toString: "2" } })).toEqual({});
  });

  it("names every problem at once", ({ expect }) => {
    expect(Object.keys(problemsOf({ image, defaultPort: 0, sleepAfter: "0s", env: { "1": "" } }))).toHaveLength(3);
  });

  it("has the limits of the control API", ({ expect }) => {
    expect(LIMITS).toMatchObject({
      variables: API_LIMITS.environmentVariables,
      variableLength: API_LIMITS.environmentValueLength,
      labels: API_LIMITS.labels,
      labelNameBytes: API_LIMITS.labelNameBytes,
      labelValueBytes: API_LIMITS.labelValueBytes,
      ports: API_LIMITS.ports,
      arguments: API_LIMITS.arguments,
      secrets: SECRET_LIMITS.perConfiguration,
      egressRules: EGRESS_LIMITS.rules,
      egressHosts: EGRESS_LIMITS.hosts,
      egressCredentials: EGRESS_LIMITS.credentials,
      egressHandlers: EGRESS_LIMITS.handlers,
      egressInternal: EGRESS_LIMITS.internal,
      egressBindings: EGRESS_LIMITS.bindings,
      egressRegistry: EGRESS_LIMITS.registry,
    });
    for (const type of Object.keys(INSTANCE_TYPES)) expect(problemsOf({ image, instanceType: type })).toEqual({});
  });
});

describe("an application's name", () => {
  it.for([
    ["transcoder", "transcoder"],
    ["imageResizer", "image-resizer"],
    ["ffmpeg2Pass", "ffmpeg2-pass"],
    ["HTTPServer", "http-server"],
    ["parseURLs", "parse-urls"],
    ["foo_bar", "foo_bar"],
  ] as const)("of %s is %s", ([exportName, name], { expect }) => {
    expect(applicationName(exportName)).toBe(name);
  });

  it.for(["$box", "__proto__", "1a", "a b", "é"])("cannot come from %s", (exportName, { expect }) => {
    expect(() => applicationName(exportName)).toThrowError("letters, digits and _");
  });

  it("belongs to one export", ({ expect }) => {
    const web = defineContainer({ image });
    expect(() => toApplications({ fooBar: web, fooBAR: web })).toThrowError(
      /fooBAR and fooBar are both the application foo-bar/,
    );
    const named = defineContainer({ image, name: "web" });
    expect(() => toApplications({ web, other: named })).toThrowError(/other and web are both/);
    expect(toApplications({ first: web, second: named }).map(({ name }) => name)).toEqual(["first", "web"]);
  });
});

describe("an image", () => {
  it.for([
    ["./a", { dockerfile: "./a/Dockerfile", context: "./a" }],
    ["./a/", { dockerfile: "./a/Dockerfile", context: "./a" }],
    ["./a/Dockerfile.dev", { dockerfile: "./a/Dockerfile.dev", context: "./a" }],
    ["./a/prod.Dockerfile", { dockerfile: "./a/prod.Dockerfile", context: "./a" }],
    ["./Dockerfile", { dockerfile: "./Dockerfile", context: "." }],
    ["/Dockerfile", { dockerfile: "/Dockerfile", context: "/" }],
    [".", { dockerfile: "./Dockerfile", context: "." }],
    ["../b", { dockerfile: "../b/Dockerfile", context: "../b" }],
    ["/", { dockerfile: "/Dockerfile", context: "/" }],
  ] as const)("at %s is built where its Dockerfile is", ([path, source], { expect }) => {
    expect(imageSource({ image: path })).toEqual({ kind: "build", buildArgs: {}, ...source });
  });

  it("that is built is an entry of wrangler.jsonc, and one that is not is none", ({ expect }) => {
    const containers = {
      imageResizer: defineContainer({ image: "./resizer", buildArgs: { NODE: "24" } }),
      pulled: defineContainer({ image: { registry: "ghcr.io/acme/web:1.4" } }),
      hello: defineContainer({ image: { name: "hello-world" } }),
    };
    expect(wranglerImages(containers)).toEqual({
      "image-resizer": { dockerfile: "./resizer/Dockerfile", build_context: "./resizer", build_vars: { NODE: "24" } },
    });
    const images = toApplications(containers).map(({ configuration }) => configuration["image"]);
    expect(images).toEqual(["image-resizer", "ghcr.io/acme/web:1.4", "hello-world"]);
  });
});

describe("an application", () => {
  it("of the least definition is one that the control API takes", ({ expect }) => {
    const body = toApplication("web", defineContainer({ image }));
    expect(body).toEqual({
      name: "web",
      instances: 1,
      max_instances: 20,
      named_instances: 19,
      configuration: { image: "web" },
    });
    expect(accepted(body)).toBeUndefined();
  });

  it("has every option under the API's name", ({ expect }) => {
    const body = toApplication(
      "web",
      defineContainer({
        image: { name: "hello-world" },
        defaultPort: 8_080,
        requiredPorts: [9_090],
        instanceType: "basic",
        maxInstances: 10,
        namedInstances: 2,
        warm: 1,
        autoscaling: { min: 1, max: 4, targetConcurrency: 20 },
        sleepAfter: "5m",
        hardTimeout: "1h",
        env: { MODE: "fast" },
        secrets: ["API_KEY"],
        secretsStore: { STRIPE_KEY: "STRIPE_SECRET" },
        entrypoint: ["node", "x.js"],
        enableInternet: false,
        allowedHosts: ["*.Stripe.com"],
        deniedHosts: ["evil.stripe.com"],
        interceptHttps: true,
        pingEndpoint: "ping",
        labels: { team: "media" },
        readyOn: [{ path: "ready" }, { path: "/live", port: 7_070, status: 204 }],
        rollout: {
          gracePeriodSeconds: 30,
          maxSurge: "50%",
          maxUnavailable: 1,
          minHealthyTime: "5s",
          progressDeadline: "2m",
          autoRevert: false,
          scaleDownDelay: 60,
        },
        ingress: "public",
        hostnames: ["app.example.com"],
        hooks: "HOOKS",
        bridge: "FUNCTIONS",
        bridgeToken: true,
        maxHold: "2h",
      }),
    );
    expect(body).toEqual({
      name: "web",
      instances: 1,
      max_instances: 10,
      named_instances: 2,
      warm: 1,
      autoscaling: { min: 1, max: 4, target_concurrency: 20 },
      ingress: { mode: "public" },
      hostnames: ["app.example.com"],
      hooks: { binding: "HOOKS" },
      bridge: { binding: "FUNCTIONS" },
      rollout_active_grace_period: 30,
      rollout: {
        max_surge: "50%",
        max_unavailable: 1,
        min_healthy_time: 5,
        progress_deadline: 120,
        auto_revert: false,
        scale_down_delay: 60,
      },
      egress: { default: "deny", allow: ["*.stripe.com"], deny: ["evil.stripe.com"], intercept_https: true },
      configuration: {
        image: "hello-world",
        instance_type: "basic",
        ports: [
          { name: "port-8080", port: 8_080 },
          { name: "port-9090", port: 9_090 },
          { name: "port-7070", port: 7_070 },
        ],
        required_ports: [9_090],
        environment_variables: [{ name: "MODE", value: "fast" }],
        secrets: [
          { name: "API_KEY", type: "env", secret: "API_KEY" },
          { name: "STRIPE_KEY", type: "env", secret: "STRIPE_SECRET" },
        ],
        labels: [{ name: "team", value: "media" }],
        entrypoint: ["node", "x.js"],
        checks: [
          {
            name: "ping",
            type: "http",
            kind: "startup",
            port: "port-8080",
            http: { path: "/ping" },
            expect_status: ["1xx", "2xx", "3xx", "4xx", "5xx"],
          },
          { type: "http", kind: "ready", port: "port-8080", http: { path: "/ready" }, expect_status: [200] },
          { type: "http", kind: "ready", port: "port-7070", http: { path: "/live" }, expect_status: [204] },
        ],
        sleep_after: 300,
        hard_timeout: 3_600,
        max_hold: 7_200,
        bridge_token: true,
      },
    });
    expect(accepted(body)).toBeUndefined();
  });

  it("of a size of its own has that size", ({ expect }) => {
    const size = { vcpu: 2, memoryMib: 4_096, diskMb: 8_000 };
    const body = toApplication("web", defineContainer({ image, instanceType: size }));
    expect(body.configuration).toMatchObject({ vcpu: 2, memory_mib: 4_096, disk: { size_mb: 8_000 } });
    expect(accepted(body)).toBeUndefined();
  });

  it("without any egress option leaves the policy to Gantry", ({ expect }) => {
    expect(toApplication("web", defineContainer({ image }))).not.toHaveProperty("egress");
    expect(toApplication("web", defineContainer({ image, enableInternet: true }))).toMatchObject({
      egress: { default: "allow" },
    });
    expect(toApplication("web", defineContainer({ image, allowedHosts: [] }))).toMatchObject({
      egress: { default: "deny", allow: [] },
    });
  });

  it("is rolled out in the steps that it says", ({ expect }) => {
    const web = defineContainer({ image, rollout: { stepPercentage: 25 } });
    expect(toRollout(web, 3, "new")).toEqual({
      description: "new",
      strategy: "rolling",
      target_version: 3,
      step_percentage: 25,
    });
  });
});
