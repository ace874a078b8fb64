/** ssh-public-keys: create, list, delete by name or id. */
import * as z from "zod";
import type { SshKey } from "../../account/ssh-keys.ts";
import { GantryError } from "../../errors.ts";
import { keyLine, parseSshPublicKey } from "../../ssh-public-key.ts";
import { accountStub } from "../../stubs.ts";
import { decodePageToken, pageOf, pageQuery } from "../pagination.ts";
import { removeUnused } from "../references.ts";
import { message, uuid } from "../results/common.ts";
import { defineRoute } from "../route.ts";
import { createSshKeyFields } from "../schemas/ssh-key.ts";
import { requireWholeAccount } from "./lookup.ts";

/** Cloudflare's clients know no pages of keys and expect everything. */
const MAX_PAGE = 1_000;

const sshKeyResult = z.strictObject({ id: uuid, name: z.string(), public_key: z.string() });

export const sshKeyRoutes = [
  defineRoute({
    method: "POST",
    path: "/ssh-public-keys",
    tag: "SSH public keys",
    summary: "Create an SSH public key",
    owned: true,
    query: z.strictObject({}),
    body: z.strictObject(createSshKeyFields),
    // The legacy client sends every one of its command-line options along.
    legacyBody: z.object(createSshKeyFields),
    result: sshKeyResult,
    statuses: [201],
    errors: ["SSH_PUBLIC_KEY_ALREADY_EXISTS"],
    run: async ({ env, accountId, actor, seed, body: { name, public_key: text } }) => {
      requireWholeAccount(actor);
      const parsed = parseSshPublicKey(text);
      const publicKey = typeof parsed === "string" ? text : keyLine(parsed);
      const key: SshKey = await accountStub(env, accountId).createSshKey({ id: seed, name, publicKey });
      return { status: 201, result: wireSshKey(key) };
    },
  }),
  defineRoute({
    method: "GET",
    path: "/ssh-public-keys",
    tag: "SSH public keys",
    summary: "List SSH public keys",
    query: z.strictObject(pageQuery(MAX_PAGE, MAX_PAGE)),
    result: z.array(sshKeyResult),
    paged: true,
    run: async ({ env, accountId, query: { per_page: perPage, page_token: pageToken } }) => {
      const keys: SshKey[] = await accountStub(env, accountId).sshKeys(decodePageToken(pageToken), perPage + 1);
      const { page, info } = pageOf(keys, perPage, pageToken, ({ name }) => name);
      return { result: page.map(wireSshKey), resultInfo: info };
    },
  }),
  defineRoute({
    method: "DELETE",
    path: "/ssh-public-keys/:name",
    tag: "SSH public keys",
    summary: "Delete an SSH public key that nothing uses, by name or id",
    query: z.strictObject({}),
    result: message,
    errors: ["SSH_PUBLIC_KEY_NOT_FOUND", "SSH_PUBLIC_KEY_IN_USE"],
    run: async (call) => {
      requireWholeAccount(call.actor);
      const wanted = call.params["name"] ?? "";
      const account = accountStub(call.env, call.accountId);
      const key: SshKey | null = await account.sshKey(wanted);
      const removal =
        key === null
          ? "missing"
          : await removeUnused(
              call,
              { kind: "ssh-key", name: key.id },
              async (asked) => await account.removeSshKey(key.id, asked),
              (users) => {
                const text = `SSH public key ${key.name} is in use: take it out of the configurations first; users: ${users.join("; ")}`;
                return new GantryError("SSH_PUBLIC_KEY_IN_USE", text, { name: key.name, users });
              },
            );
      const name = wanted.slice(0, 100);
      if (removal === "missing" && !call.isRetry) {
        throw new GantryError("SSH_PUBLIC_KEY_NOT_FOUND", `there is no SSH public key ${name}`, { name });
      }
      return { result: { message: `SSH public key ${name} is deleted` } };
    },
  }),
];

function wireSshKey({ id, name, publicKey }: SshKey): z.output<typeof sshKeyResult> {
  return { id, name, public_key: publicKey };
}
