import { describe, it } from "vitest";
import { configurationSchema } from "./configuration.ts";
import { createRegistrySchema, protocolSchema, REGISTRY_LIMITS } from "./registry.ts";
import { createSecretSchema, SECRET_LIMITS } from "./secret.ts";
import { SSH_LIMITS } from "./ssh-key.ts";

/** A key in SSH's wire form. */
const KEY = `ssh-ed25519 ${btoa(`\0\0\0\u000bssh-ed25519\0\0\0\u0020${"k".repeat(32)}`)}`;

const x = (length: number) => "x".repeat(length);
const list = <T>(length: number, item: (index: number) => T): T[] => Array.from({ length }, (_, index) => item(index));
const configured = (fields: Record<string, unknown>) => ({ image: "hello-world", ...fields });
const secret = (index: number) => ({ name: `A${index}`, type: "env", secret: "S" });
const comment = (length: number) => `${KEY} ${x(length - KEY.length - 1)}`;

const limits = [
  ["name", createSecretSchema, SECRET_LIMITS.nameLength, (n: number) => ({ name: x(n), value: "v" })],
  ["value", createSecretSchema, SECRET_LIMITS.valueBytes, (n: number) => ({ name: "S", value: x(n) })],
  [
    "secrets",
    configurationSchema,
    SECRET_LIMITS.perConfiguration,
    (n: number) => configured({ secrets: list(n, secret) }),
  ],
  [
    "ssh_public_key_ids",
    configurationSchema,
    SSH_LIMITS.keys,
    (n: number) => configured({ ssh_public_key_ids: list(n, () => crypto.randomUUID()) }),
  ],
  [
    "authorized_keys",
    configurationSchema,
    SSH_LIMITS.keys,
    (n: number) => configured({ authorized_keys: list(n, () => ({ public_key: KEY })) }),
  ],
  [
    "trusted_user_ca_keys.0.public_key",
    configurationSchema,
    SSH_LIMITS.keyLength,
    (n: number) => configured({ trusted_user_ca_keys: [{ public_key: comment(n) }] }),
  ],
  [
    "authorized_keys.0.name",
    configurationSchema,
    SSH_LIMITS.nameLength,
    (n: number) => configured({ authorized_keys: [{ public_key: KEY, name: x(n) }] }),
  ],
  [
    "domain",
    createRegistrySchema,
    REGISTRY_LIMITS.domainLength,
    (n: number) => ({ domain: `${x(n - 8)}.example`, is_public: true }),
  ],
  [
    "domains",
    protocolSchema,
    REGISTRY_LIMITS.protocolDomains,
    (n: number) => ({ proto: "p", domains: list(n, () => ({ domain: "a.example", path: "" })) }),
  ],
  [
    "domains.0.path",
    protocolSchema,
    REGISTRY_LIMITS.pathLength,
    (n: number) => ({ proto: "p", domains: [{ domain: "a.example", path: x(n) }] }),
  ],
] as const;

describe("a limit", () => {
  it.for(limits)("of %s is kept exactly", ([field, schema, limit, body], { expect }) => {
    expect(schema.safeParse(body(limit)).error).toBeUndefined();
    const { error } = schema.safeParse(body(limit + 1));
    expect([...new Set(error?.issues.map(({ path }) => path.join(".")))]).toEqual([field]);
  });
});
