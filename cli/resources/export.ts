/** What there is, as a manifest that plans nothing when it is applied. */
import { stringify } from "yaml";
import type { Live } from "./driver.ts";
import { exportedAccount } from "./drivers/account.ts";
import { exportedApplication } from "./drivers/application.ts";
import { exportedDeployment } from "./drivers/deployment.ts";
import { exportedSchedule } from "./drivers/schedule.ts";
import { KINDS, isOwned, isPart } from "./kinds.ts";
import { keyOf, partsOfName, type Json, type JsonObject, textOf } from "./resource.ts";
import type { World } from "./world.ts";

export const FORMATS = ["yaml", "json", "ts"] as const;
export type Format = (typeof FORMATS)[number];

export interface Exported {
  readonly kind: string;
  readonly name: string;
  readonly spec: JsonObject;
}

/** Of one owner, or of all; the account's settings only with all. */
export function exportedResources({ live, owners }: World, owner: string | null): Exported[] {
  return [...live.values()]
    .filter((one) => (owner === null ? true : isOwned(one.kind) && owners.get(keyOf(one)) === owner))
    .toSorted((a, b) => KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind) || (a.name < b.name ? -1 : 1))
    .map((one) => ({ kind: one.kind, name: nameOf(one), spec: specOf(one, live) }));
}

function nameOf({ kind, name }: Live): string {
  return isPart(kind) ? partsOfName(name).name : name;
}

function specOf({ kind, name, shown }: Live, live: World["live"]): JsonObject {
  const keys = new Map(
    [...live.values()].filter((one) => one.kind === "ssh-key").map(({ id, name: key }) => [id, key]),
  );
  switch (kind) {
    case "application": {
      const { configuration, ...rest } = exportedApplication(shown);
      return { ...rest, configuration: named(configuration as JsonObject, keys) };
    }
    case "deployment":
      return named(exportedDeployment(shown), keys);
    case "secret":
      return { value: { env: variableOf(name) }, version: shown["version"] ?? 1 };
    case "ssh-key":
      return { public_key: shown["public_key"] ?? null };
    case "registry":
      return registryOf(shown);
    case "protocol":
      return { domains: shown["domains"] ?? [] };
    case "account":
      return exportedAccount(shown);
    case "schedule":
      return exportedSchedule(name, shown);
    // What is over, or is being done, is not done again.
    case "rollout":
    case "job":
      return {};
  }
}

/** Ids are of this account; names are anybody's. */
function named(configuration: JsonObject, keys: ReadonlyMap<string, string>): JsonObject {
  const ids = configuration["ssh_public_key_ids"];
  if (!Array.isArray(ids)) return configuration;
  const references = (ids as string[]).map((id): Json =>
    keys.has(id) ? { ref: `ssh-key/${keys.get(id) ?? ""}` } : id,
  );
  return { ...configuration, ssh_public_key_ids: references };
}

function registryOf({
  kind,
  private_credential: hidden,
  public_credential: user,
  is_public: isPublic,
}: JsonObject): JsonObject {
  if (hidden === undefined) return { is_public: isPublic ?? false };
  const { secret_name: secret } = hidden as JsonObject;
  return {
    kind: kind ?? null,
    auth: { public_credential: user ?? null, private_credential: { secret_name: { ref: `secret/${textOf(secret)}` } } },
  };
}

/** `api-key` is `API_KEY`. */
function variableOf(name: string): string {
  return name
    .toUpperCase()
    .replaceAll(/[^A-Z0-9_]/g, "_")
    .replace(/^(?=\d)/, "_");
}

export function printed(resources: readonly Exported[], owner: string | null, format: Format): string {
  const head = owner === null ? {} : { owner };
  switch (format) {
    case "yaml": {
      const documents = [...(owner === null ? [] : [head]), ...resources];
      return documents.map((document) => stringify(document, { aliasDuplicateObjects: false })).join("---\n");
    }
    case "json":
      return `${JSON.stringify({ ...head, resources }, null, 2)}\n`;
    case "ts":
      return `import { defineResources } from "gantry";\n\nexport default defineResources(${JSON.stringify({ ...head, resources }, null, 2)});\n`;
  }
}
