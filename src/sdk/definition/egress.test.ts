import { describe, it } from "vitest";
import { createApplicationSchema } from "../../api/schemas/application.ts";
import { egressOf, egressSchema } from "../../api/schemas/egress.ts";
import { GantryError } from "../errors.ts";
import { toApplication } from "./application.ts";
import type { ContainerConfig } from "./config.ts";
import { defineContainer } from "./define-container.ts";
import { policyOf, wireEgress } from "./egress.ts";

const image = "./containers/web";
const accepted = (body: Record<string, unknown>) => createApplicationSchema.safeParse(body).error?.issues;

const withKey = (more: object = {}) => ({
  egress: { credentials: [{ hosts: ["a.com"], header: "authorization", secret: "KEY", ...more }] },
});

function problemsOf(config: unknown): Record<string, unknown> {
  try {
    defineContainer(config as ContainerConfig);
  } catch (error) {
    if (error instanceof GantryError) return error.details;
    throw error;
  }
  return {};
}

describe("egress of a definition", () => {
  it.for<[string, Record<string, unknown>, string]>([
    [
      "egress.interceptHttps",
      { enableInternet: true, interceptHttps: false, egress: { interceptHttps: true } },
      "keep",
    ],
    ["egress.allow", { allowedHosts: [], egress: { allow: [] } }, "keep one"],
    ["egress.deny", { enableInternet: true, deniedHosts: ["a.com"], egress: { deny: ["a.com"] } }, "keep one"],
    ["egress.default", { enableInternet: true, egress: { default: "allow" } }, "keep one"],
    ["egress.allow[0]", { egress: { allow: ["https://a.com"] } }, "URL"],
    ["egress.allow[0].ports[0]", { egress: { allow: [{ host: "a.com", ports: [8_080] }] } }, "80 or 443"],
    ["egress.deny[0].host", { egress: { deny: [{ methods: ["GET"] }] } }, "must be a host"],
    ["egress.allow[0].methods[0]", { egress: { allow: [{ host: "a.com", methods: ["get"] }] } }, "capitals"],
    ["egress.open", { egress: { open: true } }, 'default: "allow"'],
    ["egress.open", { enableInternet: true, deniedHosts: ["a.com"], egress: { open: true } }, "together with deny"],
    ["egress.credentials[0].header", withKey({ header: "Host" }), "belongs to the connection"],
    ["egress.credentials[0].secret", withKey({ secret: undefined }), "required"],
    ["egress.credentials[0].paths[0]", withKey({ paths: ["v1"] }), "slash"],
    ["egress.credentials[0].hosts", withKey({ hosts: [] }), "at least one"],
    ["egress.handlers[0].binding", { egress: { handlers: [{ hosts: ["a.com"] }] } }, "required"],
    ["egress.internal[0]", { egress: { internal: ["Web"] } }, "lower-case"],
    ["egress.bindings[0].type", { egress: { bindings: [{ type: "d1", binding: "A" }] } }, "r2, kv or do"],
    ["egress.allowed", { egress: { allowed: [] } }, "not an option"],
  ])("is refused with the field and the way out: %s of %j", ([field, config, why], { expect }) => {
    expect(problemsOf({ image, ...config })).toMatchObject({ [field]: expect.stringContaining(why) });
  });

  it("reaches what egress says, beside what the four older options say", ({ expect }) => {
    const credential = { hosts: ["*.Stripe.com"], header: "Authorization", prefix: "Bearer ", secret: "STRIPE" };
    const body = toApplication(
      "web",
      defineContainer({
        image,
        deniedHosts: ["Evil.stripe.com"],
        interceptHttps: true,
        egress: {
          allow: [{ host: "*.Stripe.com", ports: [443], methods: ["GET", "POST"] }, "10.0.0.0/8"],
          credentials: [{ ...credential, methods: ["POST"], paths: ["/v1/*"] }],
          handlers: [{ hosts: ["mock.stripe.com"], methods: ["GET"], binding: "MOCK" }],
          internal: ["orders", "*"],
          bindings: [{ type: "r2", binding: "FILES", prefix: "web/", access: "write" }],
        },
      }),
    );
    expect(body.egress).toEqual({
      default: "deny",
      allow: [{ host: "*.stripe.com", ports: [443], methods: ["GET", "POST"] }, "10.0.0.0/8"],
      deny: ["evil.stripe.com"],
      intercept_https: true,
      credentials: [{ ...credential, methods: ["POST"], paths: ["/v1/*"] }],
      handlers: [{ hosts: ["mock.stripe.com"], methods: ["GET"], binding: "MOCK" }],
      internal: ["orders", "*"],
      bindings: [{ type: "r2", binding: "FILES", prefix: "web/", access: "write" }],
    });
    expect(accepted(body)).toBeUndefined();
    const open = toApplication("web", defineContainer({ image, egress: { default: "allow", open: true } }));
    expect([open.egress, accepted(open)]).toEqual([{ default: "allow", open: true }, undefined]);
  });

  it("is decided on in the test double by the policy that the control plane keeps", ({ expect }) => {
    const egress = {
      default: "allow" as const,
      allow: ["A.com", { host: "b.com", ports: [80] }],
      deny: ["c.com"],
      credentials: [{ hosts: ["A.com"], header: "X-Key", secret: "K", paths: ["/x"] }],
      handlers: [{ hosts: ["D.com"], binding: "D" }],
      internal: ["web"],
      bindings: [{ type: "kv" as const, binding: "KV" }],
    };
    for (const config of [{}, egress, { default: "allow", open: true } as const, { interceptHttps: false }]) {
      const kept = egressOf(egressSchema.parse(wireEgress(config)));
      expect(policyOf(config)).toEqual(kept);
    }
  });
});
