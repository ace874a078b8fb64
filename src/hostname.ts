/** Host names of applications: their one canonical form, and which of them are the control plane's own. Pure. */

export const MAX_HOSTNAME_LENGTH = 253;

const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
/** What would be something else than a host for the URL parser, or is none anywhere. */
const NOT_IN_A_HOST = /[\s/\\?#@:%[\]*_]/;

export type NormalizedHostname = { readonly hostname: string } | { readonly problem: string };

/** Lower case, punycode, without the dot of the root. */
export function normalizeHostname(text: string): NormalizedHostname {
  if (text.includes("*")) return { problem: "must not be a pattern: give each host name" };
  if (text.includes(":")) return { problem: "must be a host name alone, without scheme and port" };
  if (NOT_IN_A_HOST.test(text)) return { problem: "must be a host name such as app.example.com" };
  const parsed = URL.parse(`http://${text}`)?.hostname.replace(/\.$/, "") ?? "";
  if (/^\d+\.\d+\.\d+\.\d+$/.test(parsed)) return { problem: "must be a name, not an address" };
  const labels = parsed.split(".");
  if (parsed.length > MAX_HOSTNAME_LENGTH || !labels.every((label) => LABEL.test(label))) {
    return { problem: "must be a host name such as app.example.com, of at most 253 characters" };
  }
  if (labels.length < 2) return { problem: "must have a domain, as in app.example.com" };
  return { hostname: parsed };
}

interface ControlHosts {
  readonly INGRESS_DOMAIN: string;
  /** The control plane's own, separated by commas. */
  readonly GANTRY_HOSTS?: string;
}

/** Whether names of applications can be told from the control plane's own: locally those are known. */
export function takesHostnames(env: ControlHosts): boolean {
  return env.INGRESS_DOMAIN === "localhost" || ownHosts(env).length > 0;
}

/** Why no application may have the name, or null. */
export function reservedBy(hostname: string, env: ControlHosts): string | null {
  const { INGRESS_DOMAIN: domain } = env;
  if (domain !== "" && isBelow(hostname, domain)) {
    return `is below the ingress domain ${domain}, where each application has the host of its own name`;
  }
  return isControlHost(hostname, env) ? "is a host of the control plane" : null;
}

/** Never an application's. Its argument is in canonical form. */
export function isControlHost(hostname: string, env: ControlHosts): boolean {
  if (!hostname.includes(".") || hostname.startsWith("[") || /^\d+\.\d+\.\d+\.\d+$/.test(hostname)) return true;
  if (isBelow(hostname, "workers.dev") || hostname === env.INGRESS_DOMAIN) return true;
  return ownHosts(env).includes(hostname);
}

function isBelow(hostname: string, domain: string): boolean {
  return hostname === domain || hostname.endsWith(`.${domain}`);
}

function ownHosts({ GANTRY_HOSTS: hosts = "" }: ControlHosts): string[] {
  return hosts
    .split(",")
    .map((host) => host.trim().toLowerCase())
    .filter((host) => host !== "");
}
