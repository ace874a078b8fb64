import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "vitest";
import { parseConfig } from "./config.ts";
import { desiredOf } from "./desired.ts";
import { environmentConfig } from "./environment.ts";
import { PROJECT } from "./recorded-run.ts";

const input = { environment: "staging", accountId: "a".repeat(32), ingressDomain: "" } as const;
const staging = (text: string) => environmentConfig(parseConfig(text), input);
const namesOf = (text: string) => desiredOf(staging(text), {}).resources.map(({ kind, name }) => `${kind} ${name}`);

describe("the configuration of an environment", () => {
  it("gives Worker, resources and container applications names of their own", ({ expect }) => {
    const config = staging(PROJECT);
    expect(config.name).toBe("gantry-staging");
    expect(config.containers?.[0]?.name).toBe("gantry-instances-staging");
    expect(config.r2_buckets).toEqual([{ binding: "REGISTRY", bucket_name: "gantry-registry-staging" }]);
    expect(config.queues?.consumers).toEqual([
      { queue: "gantry-tasks-staging", max_retries: 5, dead_letter_queue: "gantry-tasks-dead-staging" },
    ]);
  });

  it("is private, of the Cloudflare account, and has no ingress domain unless it is given", ({ expect }) => {
    expect(staging(PROJECT).vars).toEqual({
      GANTRY_ACCOUNT_ID: "a".repeat(32),
      GANTRY_DEFAULT_INGRESS: "private",
      GANTRY_EGRESS_CONNECT_TO: "",
      GANTRY_IMAGE_LOADER_URL: "",
      GANTRY_IMAGE_LOADER_TOKEN: "",
      INGRESS_DOMAIN: "",
    });
    const withDomain = environmentConfig(parseConfig(PROJECT), { ...input, ingressDomain: "apps.example.com" });
    expect(withDomain.vars?.["INGRESS_DOMAIN"]).toBe("apps.example.com");
  });

  it("asks no server of a developer's machine, whatever its variables say", async ({ expect }) => {
    const project = await readFile(join(import.meta.dirname, "../../wrangler.jsonc"), "utf8");
    const map = {
      GANTRY_EGRESS_CONNECT_TO: '{"*": "http://127.0.0.1:1"}',
      GANTRY_IMAGE_LOADER_URL: "http://127.0.0.1:2",
      GANTRY_IMAGE_LOADER_TOKEN: "token",
    };
    const config = parseConfig(project);
    const vars = { ...config.vars, ...map };
    const changed = { ...config, vars, env: { staging: { vars: map } } };
    const deployed = environmentConfig(changed, input).vars;
    expect(Object.keys(map).map((name) => deployed?.[name])).toEqual(["", "", ""]);
  });

  it("keeps the minute trigger, by which a schedule that has lost its alarm is found", async ({ expect }) => {
    const project = await readFile(join(import.meta.dirname, "../../wrangler.jsonc"), "utf8");
    expect(staging(project)).toMatchObject({ triggers: { crons: ["* * * * *"] } });
  });

  it("keeps the queue of tasks and that of dead letters, with names of its own", async ({ expect }) => {
    const project = await readFile(join(import.meta.dirname, "../../wrangler.jsonc"), "utf8");
    expect(staging(project).queues).toMatchObject({
      producers: [{ binding: "DEAD_TASKS", queue: "gantry-dead-tasks-staging" }],
      consumers: [{ queue: "gantry-tasks-staging", dead_letter_queue: "gantry-dead-tasks-staging" }],
    });
  });

  it("keeps an ingress domain that wrangler.jsonc has for it", ({ expect }) => {
    const config = staging(
      `{ "name": "gantry", "env": { "staging": { "vars": { "INGRESS_DOMAIN": "a.example.com" } } } }`,
    );
    expect(config.vars?.["INGRESS_DOMAIN"]).toBe("a.example.com");
  });

  it("takes what env.<name> says as written", ({ expect }) => {
    const config = staging(`{
      "name": "gantry", "workers_dev": true,
      "kv_namespaces": [{ "binding": "CACHE" }],
      "env": { "staging": { "workers_dev": false, "kv_namespaces": [{ "binding": "CACHE", "id": "mine" }], "vars": { "A": "b" } },
               "production": { "vars": { "A": "c" } } }
    }`);
    expect(config).toMatchObject({ workers_dev: false, kv_namespaces: [{ id: "mine" }], vars: { A: "b" } });
    expect(config.env).toBeUndefined();
    expect(desiredOf(config, {}).resources).toEqual([]);
  });

  it("binds its services to the Worker of the same environment", ({ expect }) => {
    const config = staging(`{
      "name": "gantry",
      "services": [{ "binding": "EGRESS", "service": "gantry", "entrypoint": "Egress" }, { "binding": "X", "service": "other" }]
    }`);
    expect(config.services?.map(({ service }) => service)).toEqual(["gantry-staging", "other"]);
  });

  it("refuses a binding to something that deploy cannot create", ({ expect }) => {
    expect(() => staging(`{ "name": "gantry", "d1_databases": [{ "binding": "DB" }] }`)).toThrow(/d1_databases/);
  });
});

describe("what an environment needs", () => {
  it("is read off its bindings, the dead letters before the queue that sends there", ({ expect }) => {
    expect(namesOf(PROJECT)).toEqual([
      "bucket gantry-registry-staging",
      "namespace gantry-cache-staging",
      "queue gantry-tasks-dead-staging",
      "queue gantry-tasks-staging",
    ]);
  });

  it("is nothing without bindings", ({ expect }) => {
    expect(namesOf(`{ "name": "gantry" }`)).toEqual([]);
  });

  it("is named after the binding where the binding has no name", ({ expect }) => {
    const config = `{
      "name": "gantry", "r2_buckets": [{ "binding": "IMAGE_BLOBS" }], "queues": { "producers": [{ "binding": "MAIL" }] }
    }`;
    expect(namesOf(config)).toEqual(["bucket gantry-image-blobs-staging", "queue gantry-mail-staging"]);
    expect(staging(config).r2_buckets?.[0]?.bucket_name).toBe("gantry-image-blobs-staging");
  });

  it("always includes both generated secrets, and takes any from the environment variables", ({ expect }) => {
    const config = staging(`{ "name": "gantry", "secrets": { "required": ["UPSTREAM_KEY"] } }`);
    const secrets = desiredOf(config, { GANTRY_MASTER_KEY: "given" }).secrets;
    expect(secrets.map(({ name, source, shown }) => [name, source, shown])).toEqual([
      ["UPSTREAM_KEY", "none", false],
      ["GANTRY_ADMIN_TOKEN", "generated", true],
      ["GANTRY_MASTER_KEY", "environment", false],
    ]);
  });
});

describe("reading wrangler.jsonc", () => {
  it("says in which line it is broken", ({ expect }) => {
    expect(() => parseConfig(`{\n  "name": "gantry",\n  "main": \n}`)).toThrow(/ValueExpected in line 4/);
  });

  it("names the field that is of the wrong kind", ({ expect }) => {
    expect(() => parseConfig(`{ "name": "gantry", "kv_namespaces": [{ "id": 1 }] }`)).toThrow(/kv_namespaces\.0\./);
  });
});
