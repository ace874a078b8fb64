/** Images as people write them: declared names, the managed registry, protocols; and what can be prepared. */
import { describe, it } from "vitest";
import { applicationStub } from "../../src/stubs.ts";
import {
  ACCOUNT_ID,
  call,
  createApplication,
  domainError,
  eventsOf,
  eventually,
  testEnv,
  untilReady,
  type Envelope,
} from "./client.ts";
import { containerOf } from "./fake-container.ts";

const MANAGED = "registry.cloudflare.com";
const OTHER_ACCOUNT = "f".repeat(32);
const newProto = () => `p${crypto.randomUUID().slice(0, 8)}`;

function told(answer: Envelope & { status: number }): string {
  return `${answer.status} ${answer.success ? "" : domainError(answer).error}`.trim();
}

async function createProtocol(...paths: string[]): Promise<string> {
  const proto = newProto();
  const domains = paths.map((path) => ({ domain: MANAGED, path }));
  const { status, errors } = await call("POST", "/registries/protos", { proto, domains });
  if (status !== 201) throw new Error(JSON.stringify(errors));
  return proto;
}

async function create(image: string) {
  const name = `image-${crypto.randomUUID().slice(0, 8)}`;
  return await call("POST", "/applications", { name, instances: 0, configuration: { image } });
}

async function prepare(image: unknown) {
  return await call("POST", "/image-preparations", { image });
}

describe("a registry protocol", () => {
  it("is created, listed, replaced and deleted", async ({ expect }) => {
    const proto = newProto();
    const body = { proto, domains: [{ domain: MANAGED, path: "a" }] };
    expect(await call("POST", "/registries/protos", body)).toMatchObject({ status: 201, result: body });
    expect((await call("GET", "/registries/protos")).result).toContainEqual(body);
    expect(told(await call("POST", "/registries/protos", body))).toBe("409 IMAGE_REGISTRY_PROTOCOL_ALREADY_EXISTS");
    const other = {
      proto,
      domains: [
        { domain: MANAGED, path: "b/c" },
        { domain: MANAGED, path: "" },
      ],
    };
    expect(await call("PUT", "/registries/protos", other)).toMatchObject({ status: 200, result: other });
    expect(told(await call("DELETE", `/registries/protos/${proto}`))).toBe("200");
    expect(told(await call("PUT", "/registries/protos", other))).toBe("404 IMAGE_REGISTRY_PROTOCOL_NOT_FOUND");
    expect(told(await call("DELETE", `/registries/protos/${proto}`))).toBe("404 IMAGE_REGISTRY_PROTOCOL_NOT_FOUND");
  });

  it("keeps the registries that it names", async ({ expect }) => {
    const domain = `${crypto.randomUUID().slice(0, 8)}.example.com`;
    const proto = newProto();
    const body = { proto, domains: [{ domain, path: "" }] };
    const unknown = await call("POST", "/registries/protos", body);
    expect([told(unknown), ...Object.keys(domainError(unknown).details)]).toEqual([
      "400 VALIDATE_INPUT",
      "domains[0].domain",
    ]);
    await call("POST", "/registries", { domain, is_public: true });
    expect((await call("POST", "/registries/protos", body)).status).toBe(201);
    const refused = await call("DELETE", `/registries/${domain}`);
    expect([told(refused), domainError(refused).details["users"]]).toEqual(["409 IMAGE_REGISTRY_IN_USE", [proto]]);
    await call("DELETE", `/registries/protos/${proto}`);
    expect(told(await call("DELETE", `/registries/${domain}`))).toBe("200");
  });

  it.for([
    ["no name", { domains: [{ domain: MANAGED, path: "" }] }, "proto"],
    ["a bad name", { proto: "A b", domains: [{ domain: MANAGED, path: "" }] }, "proto"],
    ["no domains", { proto: "p", domains: [] }, "domains"],
    ["a bad path", { proto: "p", domains: [{ domain: MANAGED, path: "/a/" }] }, "domains[0].path"],
    ["a path that leads out", { proto: "p", domains: [{ domain: MANAGED, path: "a/.." }] }, "domains[0].path"],
    ["no path", { proto: "p", domains: [{ domain: MANAGED }] }, "domains[0].path"],
  ] as const)("with %s is refused by the field", async ([, body, field], { expect }) => {
    const answer = await call("POST", "/registries/protos", body);
    expect([told(answer), ...Object.keys(domainError(answer).details)]).toEqual(["400 VALIDATE_INPUT", field]);
  });
});

describe("an image of a protocol", () => {
  it("is the first that is declared, and another one as soon as the protocol says so", async ({ expect }) => {
    const proto = await createProtocol("nothing", ACCOUNT_ID);
    const { id } = await createApplication({}, `${proto}://hello-world`);
    const [instance] = await untilReady(id, 1);
    expect(containerOf(instance?.id ?? "").starts[0]?.image).toBe("local/hello-world:1");
    expect((await call("GET", `/applications/${id}`)).result.configuration.image).toBe(`${proto}://hello-world`);
    await call("PUT", "/registries/protos", { proto, domains: [{ domain: MANAGED, path: "nothing" }] });
    await applicationStub(testEnv, id).act(instance?.id ?? "", "restart", "test");
    const refused = await eventually(async () => (await eventsOf(id)).find(({ name }) => name === "VMFailedToStart"));
    expect(refused).toMatchObject({ details: { reason: "IMAGE_REGISTRY_DOESNT_CONTAIN_IMAGE" } });
    expect(JSON.stringify(refused)).toContain(`${MANAGED}/nothing/hello-world`);
    await call("PUT", "/registries/protos", { proto, domains: [{ domain: MANAGED, path: ACCOUNT_ID }] });
    // The back-off is not what this is about.
    await applicationStub(testEnv, id).act(instance?.id ?? "", "start", "test");
    const [again] = await untilReady(id, 1);
    expect(again?.id).toBe(instance?.id);
  });

  it("that no registry has names all that were tried; one of an unknown protocol is told apart", async ({ expect }) => {
    const proto = await createProtocol("x", "y");
    const missing = await create(`${proto}://web:1`);
    expect(told(missing)).toBe("400 IMAGE_REGISTRY_DOESNT_CONTAIN_IMAGE");
    for (const path of ["x", "y"]) {
      expect(domainError(missing).details["configuration.image"]).toContain(`${MANAGED}/${path}/web:1`);
    }
    expect(told(await create("unknown://web:1"))).toBe("404 IMAGE_REGISTRY_PROTOCOL_NOT_FOUND");
  });

  it("keeps its protocol while it is in use", async ({ expect }) => {
    const proto = await createProtocol(ACCOUNT_ID);
    const { id, name } = await createApplication({ instances: 0 }, `${proto}://hello-world`);
    const refused = await call("DELETE", `/registries/protos/${proto}`);
    expect([told(refused), domainError(refused).details["users"]]).toEqual([
      "400 IMAGE_REGISTRY_PROTO_IS_REFERENCED",
      [`${name}, version 1 (active)`],
    ]);
    await call("DELETE", `/applications/${id}`);
    expect(told(await call("DELETE", `/registries/protos/${proto}`))).toBe("200");
  });
});

describe("an image of the managed registry", () => {
  it("in the account's part is the declared one", async ({ expect }) => {
    const { id } = await createApplication({}, `${MANAGED}/${ACCOUNT_ID}/hello-world`);
    const [instance] = await untilReady(id, 1);
    expect(containerOf(instance?.id ?? "").starts[0]?.image).toBe("local/hello-world:1");
  });

  it("of another account is refused, and so is one that is not declared", async ({ expect }) => {
    const other = await create(`${MANAGED}/${OTHER_ACCOUNT}/hello-world`);
    expect([told(other), ...Object.keys(domainError(other).details)]).toEqual([
      "400 VALIDATE_INPUT",
      "configuration.image",
    ]);
    expect(told(await create(`${MANAGED}/${ACCOUNT_ID}/other`))).toBe("400 IMAGE_REGISTRY_DOESNT_CONTAIN_IMAGE");
    expect(told(await create("other"))).toBe("400 IMAGE_REGISTRY_DOESNT_CONTAIN_IMAGE");
  });
});

describe("the preparation of an image", () => {
  it("of what is declared is ready, as often as it is asked", async ({ expect }) => {
    for (const image of ["hello-world", `${MANAGED}/${ACCOUNT_ID}/hello-world`, "hello-world"]) {
      expect(await prepare(image)).toMatchObject({ status: 200, result: { image, status: "ready" } });
    }
  });

  it("of anything else is an error that tells why", async ({ expect }) => {
    for (const [image, why] of [
      ["docker.io/library/nginx:1.27", "no image docker.io/library/nginx:1.27 is declared"],
      [`${MANAGED}/${OTHER_ACCOUNT}/hello-world`, "another account"],
      ["unknown://web:1", "no registry protocol unknown"],
    ] as const) {
      const { status, result } = await prepare(image);
      expect([status, result.status]).toEqual([200, "error"]);
      expect(result.reason).toContain(why);
    }
    expect(told(await prepare(""))).toBe("400 VALIDATE_INPUT");
    expect(told(await prepare(7))).toBe("400 VALIDATE_INPUT");
  });
});
