/**
 * What an internal name, or an address that Gantry has given, stands for. Pure: who may call whom, and whether there is
 * such an application, is not decided here.
 */
import { isInstanceAddress } from "../../containers/instance-lookup.ts";
import { INTERNAL_DOMAIN, OWN_NAMES } from "../hosts.ts";

export type InternalTarget =
  /** Any ready member of its pool. */
  | { readonly kind: "application"; readonly application: string; readonly port: number | null }
  /** The one that is called by that name. */
  | {
      readonly kind: "instance";
      readonly application: string;
      readonly instance: string;
      readonly port: number | null;
    }
  | { readonly kind: "address"; readonly address: string; readonly port: number | null }
  /** An internal name that means nothing, and why. */
  | { readonly kind: "nothing"; readonly host: string; readonly why: string };

const APPLICATION = /^[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?$/;
const PORT = /^port-([1-9]\d{0,4})$/;
const MAX_PORT = 65_535;
/** With what is before it, the part of a name. */
const INSTANCE = /^id-([a-z0-9_-]{1,60})$/;
const SUFFIX = `.${INTERNAL_DOMAIN}`;
const MAX_HOST_LENGTH = 253;

/** Null when it is for something else: the bridge, a binding, or a host outside. */
export function internalTarget(url: URL, env: Env): InternalTarget | null {
  const host = url.hostname.replace(/\.$/, "");
  if (host === INTERNAL_DOMAIN) return nothing(host, "an application's name is missing before it");
  if (host.endsWith(SUFFIX)) {
    const name = host.slice(0, -SUFFIX.length);
    return OWN_NAMES.has(name) ? null : named(name, host, url.port);
  }
  const address = addressIn(url);
  if (address === null || !isInstanceAddress(env, address)) return null;
  return { kind: "address", address, port: url.port === "" ? null : Number(url.port) };
}

function named(name: string, host: string, urlPort: string): InternalTarget {
  const labels = name.split(".");
  const application = labels.pop() ?? "";
  if (!APPLICATION.test(application)) {
    return nothing(
      host,
      `${shown(application)} is no name of an application: 1 to 63 lower-case letters, digits, - or _`,
    );
  }
  if (urlPort !== "") {
    return nothing(host, `a port is a part of the name: port-${urlPort}.${application}.${INTERNAL_DOMAIN}`);
  }
  const port = labels[0]?.startsWith("port-") === true ? portIn(labels.shift() ?? "") : null;
  if (Number.isNaN(port)) return nothing(host, "a port is port-1 to port-65535");
  const label = labels.shift();
  if (labels.length > 0 || label?.startsWith("port-") === true) return nothing(host, ORDER);
  if (label === undefined) return { kind: "application", application, port };
  const instance = INSTANCE.exec(label)?.[1];
  if (instance !== undefined) return { kind: "instance", application, instance, port };
  if (!label.startsWith("id-")) return nothing(host, ORDER);
  return nothing(host, "an instance is id-<its name>, of at most 60 lower-case letters, digits, - or _");
}

const ORDER = "before an application's name there may be id-<instance>., and before that port-<number>., and no more";

function portIn(label: string): number {
  const port = Number(PORT.exec(label)?.[1] ?? Number.NaN);
  return port <= MAX_PORT ? port : Number.NaN;
}

function nothing(host: string, why: string): InternalTarget {
  return { kind: "nothing", host: host.slice(0, MAX_HOST_LENGTH), why };
}

function shown(label: string): string {
  return label === "" ? "nothing" : label.slice(0, 63);
}

const MAPPED = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/;

/** In canonical form, in which a URL has it already; one of IPv4 that is written as one of IPv6 is itself. */
function addressIn({ hostname }: URL): string | null {
  if (!hostname.startsWith("[")) return /^\d+\.\d+\.\d+\.\d+$/.test(hostname) ? hostname : null;
  const address = hostname.slice(1, -1);
  const groups = MAPPED.exec(address)?.slice(1);
  if (groups === undefined) return address;
  return groups.flatMap((group) => [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 255]).join(".");
}
