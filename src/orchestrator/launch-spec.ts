/**
 * From a configuration to what an instance is launched with. The revision is the content digest of the parts that a
 * running container cannot change: two configurations with one revision start the same thing.
 */
import { INSTANCE_TYPES, type Configuration } from "../api/schemas/configuration.ts";
import { portVariable } from "../api/schemas/network.ts";
import { toHex } from "../encoding.ts";
import type { StoredConfiguration } from "./configurations.ts";
import { listeningPorts, networkOf, portsOf, type InstanceNetwork } from "./network.ts";
import { probesOf, timesOf, type LifecycleTimes, type ProbeSpec } from "./probe-spec.ts";
import { keyLine, parseSshPublicKey } from "../ssh-public-key.ts";

export interface LaunchSpec extends LifecycleTimes {
  /** What `image` was found to be, where that is by digest; else as it is written. */
  readonly image: string;
  readonly size: { readonly vcpu: number; readonly memoryMib: number; readonly diskMb: number };
  readonly entrypoint: readonly string[] | null;
  readonly env: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  /** Where requests go when they name no port. */
  readonly port: number;
  /** At least one of kind `ready`. */
  readonly probes: readonly ProbeSpec[];
  /** Absent for an instance without an address of its own, which is most of them. */
  readonly network?: InstanceNetwork;
  /** What is looked up at each launch. Absent when there is none, so that it does not count in the revision. */
  readonly secrets?: readonly { readonly name: string; readonly secret: string }[];
  readonly sshPublicKeyIds?: readonly string[];
  /** Lines of an `authorized_keys` file. */
  readonly authorizedKeys?: readonly string[];
  readonly trustedUserCaKeys?: readonly string[];
  /** It gets a token of the bridge. */
  readonly hasBridgeToken?: boolean;
  /** Where an SSH server is to listen in it. Absent: `wrangler containers ssh` is not let in. */
  readonly sshPort?: number;
}

/** Where an application listens that declares no ports. */
export const DEFAULT_PORT = 8080;
const DEFAULT_TYPE = INSTANCE_TYPES.lite;

export function toLaunchSpec(configuration: StoredConfiguration): LaunchSpec {
  const ports = portsOf(configuration);
  const network = networkOf(configuration);
  const port = listeningPorts(configuration)[0]?.port ?? DEFAULT_PORT;
  const sshPort = sshPortOf(configuration);
  return {
    image: configuration.pinned ?? configuration.image,
    size: sizeOf(configuration),
    entrypoint:
      configuration.entrypoint === undefined ? null : [...configuration.entrypoint, ...(configuration.command ?? [])],
    env: Object.fromEntries([
      ...(configuration.environment_variables ?? []).map(({ name, value }) => [name, value] as const),
      ...ports.map((named) => [portVariable("PORT", named.name), String(named.port)] as const),
      ...(configuration.location === undefined ? [] : [["GANTRY_LOCATION", configuration.location] as const]),
      ...(sshPort === undefined ? [] : [["GANTRY_SSH_PORT", String(sshPort)] as const]),
    ]),
    labels: Object.fromEntries((configuration.labels ?? []).map(({ name, value }) => [name, value])),
    port,
    probes: probesOf(configuration, ports, port),
    ...timesOf(configuration),
    ...(network.mode === "private" ? {} : { network }),
    ...referencesIn(configuration),
    ...(configuration.bridge_token === true ? { hasBridgeToken: true } : {}),
    ...(sshPort === undefined ? {} : { sshPort }),
  };
}

/** Cloudflare's, and every SSH server's. */
const SSH_PORT = 22;

function sshPortOf({ wrangler_ssh: ssh }: Configuration): number | undefined {
  return ssh?.enabled === true ? (ssh.port ?? SSH_PORT) : undefined;
}

function referencesIn(
  configuration: Configuration,
): Pick<LaunchSpec, "secrets" | "sshPublicKeyIds" | "authorizedKeys" | "trustedUserCaKeys"> {
  const { secrets = [], ssh_public_key_ids: ids = [], authorized_keys = [], trusted_user_ca_keys = [] } = configuration;
  return {
    ...(secrets.length === 0 ? {} : { secrets: secrets.map(({ name, secret }) => ({ name, secret })) }),
    ...(ids.length === 0 ? {} : { sshPublicKeyIds: ids }),
    ...(authorized_keys.length === 0 ? {} : { authorizedKeys: keyLines(authorized_keys) }),
    ...(trusted_user_ca_keys.length === 0 ? {} : { trustedUserCaKeys: keyLines(trusted_user_ca_keys) }),
  };
}

function keyLines(keys: readonly { public_key: string; name?: string | undefined }[]): string[] {
  return keys.flatMap(({ public_key, name }) => {
    const parsed = parseSshPublicKey(public_key);
    // The schema has refused what is no key.
    return typeof parsed === "string" ? [] : [keyLine(parsed, name)];
  });
}

export function sizeOf(configuration: Configuration): LaunchSpec["size"] {
  const type = configuration.instance_type === undefined ? DEFAULT_TYPE : INSTANCE_TYPES[configuration.instance_type];
  return {
    vcpu: configuration.vcpu ?? type.vcpu,
    memoryMib: configuration.memory_mib ?? type.memory_mib,
    diskMb: configuration.disk?.size_mb ?? type.disk_mb,
  };
}

/** Hex SHA-256 over the spec with its keys in order, so that the order in which fields were written does not count. */
export async function revisionOf(spec: LaunchSpec): Promise<string> {
  const bytes = new TextEncoder().encode(canonical(spec));
  const digest = await crypto.subtle.digest("SHA-256", bytes);
  return toHex(digest);
}

/** JSON with its keys in order. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
    return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${canonical(item)}`).join(",")}}`;
  }
  return JSON.stringify(value);
}
