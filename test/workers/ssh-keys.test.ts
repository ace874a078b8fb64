/** SSH public keys: of the account, and inline; what a container finds of them. */
import { describe, it } from "vitest";
import { ACCOUNT_ID, call, createApplication, domainError, raw, untilReady, type Envelope } from "./client.ts";
import { containerOf } from "./fake-container.ts";

const length = (n: number) => String.fromCharCode(0, 0, 0, n);

/** A key in SSH's wire form whose 32 bytes are one letter. */
function key(letter: string): string {
  return `ssh-ed25519 ${btoa(`${length(11)}ssh-ed25519${length(32)}${letter.repeat(32)}`)}`;
}

const newName = () => `key-${crypto.randomUUID().slice(0, 8)}`;

async function createKey(letter = "a", comment = ""): Promise<{ id: string; name: string }> {
  const { result, status, errors } = await call("POST", "/ssh-public-keys", {
    name: newName(),
    public_key: `${key(letter)}${comment}`,
  });
  if (status !== 201) throw new Error(JSON.stringify(errors));
  return result;
}

function told(answer: Envelope & { status: number }): string {
  return `${answer.status} ${answer.success ? "" : domainError(answer).error}`.trim();
}

describe("an SSH public key", () => {
  it("is created, listed, and deleted by name or by id", async ({ expect }) => {
    const [first, second] = [await createKey("a", " me@host"), await createKey("b")];
    const { result } = await call("GET", "/ssh-public-keys");
    expect(result).toContainEqual({ id: first.id, name: first.name, public_key: `${key("a")} me@host` });
    expect(told(await call("DELETE", `/ssh-public-keys/${first.name}`))).toBe("200");
    expect(told(await call("DELETE", `/ssh-public-keys/${second.id}`))).toBe("200");
    expect(told(await call("DELETE", `/ssh-public-keys/${first.name}`))).toBe("404 SSH_PUBLIC_KEY_NOT_FOUND");
    const left = (await call("GET", "/ssh-public-keys")).result.map(({ id }: { id: string }) => id);
    expect([left.includes(first.id), left.includes(second.id)]).toEqual([false, false]);
  });

  it("has one name in an account, and is made once with one key", async ({ expect }) => {
    const name = newName();
    const headers = { "content-type": "application/json", "idempotency-key": crypto.randomUUID() };
    const body = JSON.stringify({ name, public_key: key("a") });
    const answers = [
      await raw("POST", "/ssh-public-keys", body, headers),
      await raw("POST", "/ssh-public-keys", body, headers),
    ];
    expect(await answers[0]?.json()).toEqual(await answers[1]?.json());
    const other = await call("POST", "/ssh-public-keys", { name, public_key: key("b") });
    expect(told(other)).toBe("409 SSH_PUBLIC_KEY_ALREADY_EXISTS");
  });

  it.for([
    ["another type", { name: "a", public_key: "ssh-rsa AAAA" }, "public_key"],
    ["no key", { name: "a", public_key: "ssh-ed25519 AAAA" }, "public_key"],
    ["two lines", { name: "a", public_key: `${key("a")}\n${key("b")}` }, "public_key"],
    ["nothing", { name: "a" }, "public_key"],
    ["an empty name", { name: "", public_key: key("a") }, "name"],
    ["a name with a line break", { name: "a\nb", public_key: key("a") }, "name"],
    ["an unknown field", { name: "a", public_key: key("a"), publicKey: key("a") }, "publicKey"],
  ] as const)("with %s is refused by the field", async ([, body, field], { expect }) => {
    const answer = await call("POST", "/ssh-public-keys", body);
    expect([told(answer), ...Object.keys(domainError(answer).details)]).toEqual(["400 VALIDATE_INPUT", field]);
  });

  it("is taken from the legacy client, which sends all of its options along", async ({ expect }) => {
    const name = newName();
    const url = `http://control.test/client/v4/accounts/${ACCOUNT_ID}/cloudchamber/ssh-public-keys`;
    const body = {
      _: ["cloudchamber", "ssh", "create"],
      name,
      publicKey: key("a"),
      $0: "wrangler",
      public_key: key("a"),
    };
    const response = await raw("POST", url, JSON.stringify(body), { "content-type": "application/json" });
    expect([response.status, await response.json()]).toMatchObject([201, { name, public_key: key("a") }]);
    const wrong = await raw("POST", url, JSON.stringify({ ...body, public_key: "x" }));
    expect([wrong.status, await wrong.json()]).toMatchObject([400, { error: "VALIDATE_INPUT" }]);
  });
});

describe("keys in a configuration", () => {
  it("are lines in the container's environment", async ({ expect }) => {
    const [named, commented] = [await createKey("a"), await createKey("b", " own-comment")];
    const { id } = await createApplication({
      configuration: {
        image: "hello-world",
        ssh_public_key_ids: [named.id, commented.id],
        authorized_keys: [{ public_key: `${key("c")} dropped`, name: "given name" }, { public_key: key("d") }],
        trusted_user_ca_keys: [{ public_key: `${key("e")} ca` }],
        wrangler_ssh: { enabled: false },
      },
    });
    const [instance] = await untilReady(id, 1);
    const env = containerOf(instance?.id ?? "").starts[0]?.env ?? {};
    expect(env["GANTRY_AUTHORIZED_KEYS"]?.split("\n")).toEqual([
      `${key("a")} ${named.name}`,
      `${key("b")} own-comment`,
      `${key("c")} given name`,
      key("d"),
    ]);
    expect(env["GANTRY_TRUSTED_USER_CA_KEYS"]).toBe(`${key("e")} ca`);
    expect((await call("GET", `/applications/${id}`)).result.configuration).toMatchObject({
      wrangler_ssh: { enabled: false },
      ssh_public_key_ids: [named.id, commented.id],
    });
  });

  it("leave no trace in the environment when there are none", async ({ expect }) => {
    const { id } = await createApplication();
    const [instance] = await untilReady(id, 1);
    const names = Object.keys(containerOf(instance?.id ?? "").starts[0]?.env ?? {});
    expect(names.filter((name) => name.includes("KEYS"))).toEqual([]);
  });

  it("cannot be deleted while they are in use", async ({ expect }) => {
    const { id: keyId, name } = await createKey();
    const application = await createApplication({
      instances: 0,
      configuration: { image: "hello-world", ssh_public_key_ids: [keyId] },
    });
    const refused = await call("DELETE", `/ssh-public-keys/${name}`);
    expect([told(refused), domainError(refused).details["users"]]).toEqual([
      "409 SSH_PUBLIC_KEY_IN_USE",
      [`${application.name}, version 1 (active)`],
    ]);
    await call("DELETE", `/applications/${application.id}`);
    expect(told(await call("DELETE", `/ssh-public-keys/${name}`))).toBe("200");
  });

  it.for([
    ["an unknown id", { ssh_public_key_ids: [crypto.randomUUID()] }, "ssh_public_key_ids[0]"],
    ["what is no id", { ssh_public_key_ids: ["x"] }, "ssh_public_key_ids[0]"],
    [
      "an inline key of another type",
      { authorized_keys: [{ public_key: "ssh-rsa AAAA" }] },
      "authorized_keys[0].public_key",
    ],
    ["a name of two lines", { authorized_keys: [{ public_key: key("a"), name: "a\nb" }] }, "authorized_keys[0].name"],
    ["a broken authority", { trusted_user_ca_keys: [{ public_key: "" }] }, "trusted_user_ca_keys[0].public_key"],
    ["a port that is none", { wrangler_ssh: { enabled: true, port: 65_536 } }, "wrangler_ssh.port"],
    ["a port alone", { wrangler_ssh: { port: 22 } }, "wrangler_ssh.enabled"],
  ] as const)("with %s are refused by the field", async ([, fields, field], { expect }) => {
    const configuration = { image: "hello-world", ...fields };
    const answer = await call("POST", "/applications", { name: newName(), instances: 0, configuration });
    expect([told(answer), ...Object.keys(domainError(answer).details)]).toEqual([
      "400 VALIDATE_INPUT",
      `configuration.${field}`,
    ]);
  });
});
