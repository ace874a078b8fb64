/** A secret's value, read when it is written and shown to nobody. */
import type { Api } from "../api.ts";
import type { Io } from "../io.ts";
import { isObject, Reference, type Resource } from "./resource.ts";

const MINUTES = 60;

export async function valueOf({ spec }: Resource, api: Api, io: Io): Promise<string> {
  const { value: source } = spec;
  if (source instanceof Reference) return await credentialOf(source, api);
  if (isObject(source) && typeof source["env"] === "string") return io.env[source["env"]] ?? "";
  // A line that was typed or echoed ends with a line break that is no part of it.
  if (isObject(source) && source["stdin"] === true) return (await io.stdin()).replace(/\r?\n$/, "");
  throw new Error("a secret without a source of its value");
}

async function credentialOf({ name, field }: Reference, api: Api): Promise<string> {
  const { result } = await api.send("POST /registries/{domain}/credentials", {
    params: { domain: name },
    body: { permissions: ["pull"], expiration_minutes: MINUTES },
  });
  const value = field === "password" ? result.password : result.username;
  if (value !== undefined) return value;
  throw new Error(`the credentials of ${name} have no ${field ?? "password"}: it is a secret of the account already`);
}
