/**
 * The public types, pinned: this file is compiled and never run. An error that is expected and does not come is one too.
 * It is compiled a second time against the packed package, with the types of each runtime.
 */
import {
  createContainers,
  createHooks,
  defineContainer,
  defineResources,
  env as secretFrom,
  GantryError,
  toApplication,
  type ContainerAccessor,
  type ContainerHandle,
  type ContainerSocket,
  type EgressState,
  type GantryBinding,
  type NamedContainerHandle,
  type Resource,
  type ResourceKind,
  type Resources,
  type ResourceSpecs,
  type SecretSource,
} from "../../src/sdk/index.ts";
import { createBridge, FunctionError } from "../../src/sdk/bridge/index.ts";
import { createClient } from "../../src/sdk/client/index.ts";
import { acceptUpgrade, createTestContainers } from "../../src/sdk/testing/index.ts";

declare const binding: GantryBinding;

type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;

// Definitions keep what they were written as.
const transcoder = defineContainer({ image: "./transcoder", maxInstances: 5, secrets: ["KEY"] });
const named = defineContainer({ image: { registry: "ghcr.io/a/b:1" }, name: "my-web" });
true satisfies Same<typeof transcoder.maxInstances, 5>;
true satisfies Same<typeof named.name, "my-web">;
// @ts-expect-error -- an image is needed
defineContainer({});
// @ts-expect-error -- no such option
defineContainer({ image: "./", slepAfter: "5m" });
// @ts-expect-error -- no such size
defineContainer({ image: "./", instanceType: "huge" });
// @ts-expect-error -- one of the two
defineContainer({ image: { registry: "a", name: "b" }, env: { A: 1 } });
// @ts-expect-error -- nobody changes a definition
transcoder.maxInstances = 6;

// Containers are those of the file, and nothing else in it.
const plain = { transcoder, helper: () => 1, LIMIT: 5 };
const containers = createContainers<typeof plain>(binding);
true satisfies Same<keyof typeof containers, "transcoder">;
true satisfies Same<typeof containers.transcoder, ContainerAccessor>;
// @ts-expect-error -- not in the file
void containers.other;
const withName = { transcoder, named };
// @ts-expect-error -- a name of its own is known at run time only
createContainers<typeof withName>(binding);
createContainers(binding, withName).named.any();

// Handles.
const one = containers.transcoder.get("id", {
  attempts: 1,
  backoffMs: 0,
  maxBackoffMs: 1,
  waitMs: 1,
  signal: AbortSignal.abort(),
});
true satisfies Same<typeof one, NamedContainerHandle>;
true satisfies Same<ReturnType<typeof one.port>, NamedContainerHandle>;
true satisfies Same<ReturnType<typeof containers.transcoder.any>, ContainerHandle>;
true satisfies Same<ReturnType<typeof containers.transcoder.pool>, ContainerHandle>;
true satisfies Same<ReturnType<typeof one.fetch>, Promise<Response>>;
true satisfies Same<ReturnType<typeof one.connect>, Promise<ContainerSocket>>;
true satisfies Same<Awaited<ReturnType<typeof one.exec>>["exitCode"], number>;
void one.fetch("/x", { method: "POST", body: "x" });
void one.fetch(new URL("https://a.test"));
void one.fetch(new Request("https://a.test"));
void containers.transcoder.pool({ retryOn: (response) => response.status === 503, size: 2 });
true satisfies Same<Awaited<ReturnType<typeof one.egress.allow>>, EgressState>;
void one.egress.setAllowed(null);
void one.egress.deny(["a.test"]);
// @ts-expect-error -- only what is called by name is changed alone
void containers.transcoder.any().egress;
// @ts-expect-error -- no such kind of binding
defineContainer({ image: "./", egress: { bindings: [{ type: "d1", binding: "A" }] } });
// @ts-expect-error -- an entity has a name
containers.transcoder.get(7);
// @ts-expect-error -- only named instances have a life of their own
void containers.transcoder.any().start();
// @ts-expect-error -- of pools only
containers.transcoder.get("a", { retryOn: () => true });
// @ts-expect-error -- no such size
void one.start({ instanceType: "huge" });

// Errors.
const error: unknown = null;
if (GantryError.is(error)) {
  true satisfies Same<typeof error.retryable, boolean>;
  true satisfies Same<typeof error.retryAfterMs, number | null>;
  const known: boolean = error.code === "NO_READY_INSTANCE" || error.code === "a code of tomorrow";
  void known;
}

// Hooks know what their event has.
createHooks<{ QUEUE: string }>({
  transcoder: {
    onStop: (event, { env }) => {
      true satisfies Same<typeof event.exitCode, number | null>;
      true satisfies Same<typeof env.QUEUE, string>;
    },
    onError: (event) => {
      true satisfies Same<typeof event.code, string>;
      // @ts-expect-error -- of another event
      void event.exitCode;
    },
  },
});

// The control API.
const client = createClient({ baseUrl: "https://gantry.test", token: "t" });
void client.request("PUT /applications/{id}", {
  params: { id: "web" },
  body: toApplication("web", transcoder),
  ifMatch: "x",
});
void client.request("GET /applications").then(({ result }) => result[0]?.health);
void client
  .request("GET /applications/{id}", { params: { id: "web" } })
  .then(({ result, etag }) => [result.instances, etag]);
for await (const application of client.items("GET /applications", { query: { per_page: 10 } })) {
  true satisfies Same<typeof application.name, string>;
}
// @ts-expect-error -- no such operation
void client.request("GET /aplications");
// @ts-expect-error -- its path needs an id
void client.request("GET /applications/{id}");
// @ts-expect-error -- no such parameter
void client.request("GET /applications", { query: { nmae: "x" } });
// @ts-expect-error -- a read has no body
void client.request("GET /applications", { body: {} });
const created = { name: "a", instances: 1, configuration: { image: "a" } };
// @ts-expect-error -- what is not there yet has no ETag
void client.request("POST /applications", { body: created, ifMatch: "x" });
// @ts-expect-error -- not a list
void client.items("GET /applications/{id}", { params: { id: "web" } });

// The bridge.
const bridge = createBridge({ token: "t" });
void bridge.call("jobs:done", { id: 1 }, "mutation", { timeoutMs: 5, signal: AbortSignal.abort() });
// @ts-expect-error -- no such kind
void bridge.call("jobs:done", {}, "subscription");
true satisfies Same<Awaited<ReturnType<typeof bridge.whileBusy<number>>>, number>;
true satisfies Same<FunctionError["code"], string>;

// The double gives what the real one gives.
const { containers: doubles, gantry } = createTestContainers({
  transcoder: (request, { id, port }) => new Response(`${request.url} ${id} ${port}`),
  other: { fetch: () => acceptUpgrade().response, exec: () => ({ exitCode: 0, stdout: "", stderr: "" }) },
});
true satisfies Same<keyof typeof doubles, "transcoder" | "other">;
true satisfies Same<typeof doubles.transcoder, ContainerAccessor>;
gantry.instance("transcoder", "a").refuseNext(2, { code: "INSTANCE_NOT_READY" });
createContainers<typeof plain>(gantry);

// Resources as code.
const apiKey = { kind: "secret", name: "api-key", spec: { value: secretFrom("API_KEY") } } as const;
const rollout: Resource = { kind: "rollout", name: "web", spec: { application: "web", step_percentage: 20 } };
defineResources({
  owner: "team/web",
  resources: [
    apiKey,
    rollout,
    {
      kind: "application",
      name: "web",
      spec: {
        instances: 1,
        affinities: { colocation: { application: { ref: "application/other" } } },
        configuration: { image: "web", secrets: [{ name: "KEY", type: "env", secret: apiKey }] },
      },
    },
    { kind: "account", name: "account", spec: { limits: { total_instances: 5 } } },
  ],
}) satisfies Resources;
true satisfies Same<ResourceSpecs["secret"]["value"], SecretSource>;
// @ts-expect-error -- a value never stands in a manifest
const literal: ResourceSpecs["secret"] = { value: "hunter2" };
// @ts-expect-error -- no such kind
const job: ResourceKind = "job";
// @ts-expect-error -- no such field
const sshKey: ResourceSpecs["ssh-key"] = { public_key: "ssh-ed25519 A", ttl: 1 };
// @ts-expect-error -- an image is needed
const imageless: ResourceSpecs["application"] = { instances: 1, configuration: {} };
// @ts-expect-error -- a word of few is none to be referred to
const unsure: ResourceSpecs["deployment"] = { image: "a", location: "b", instance_type: { ref: "account/a" } };
[literal, job, sshKey, imageless, unsure] satisfies unknown[];
