/** `egress` of a definition: what its containers may reach, said in one place, and what the API and the evaluator take. */
import { hostPattern } from "../../egress/policy/host.ts";
import type { EgressPolicy } from "../../egress/policy/policy.ts";
import type { EgressRule } from "../binding.ts";

/** A header with a secret, which is added outside the container. */
export interface EgressCredential {
  readonly hosts: readonly string[];
  /** One of that name that the container sends is overwritten. */
  readonly header: string;
  /** Before the secret's value, such as `"Bearer "`. */
  readonly prefix?: string;
  /** Name of a secret of the account. The container never has its value. */
  readonly secret: string;
  /** True: the secret may be made later, or go; nothing is sent to the hosts without it. Default: false. */
  readonly optional?: boolean;
  /** What else is asked of its hosts is denied. Default: all. */
  readonly methods?: readonly string[];
  /** `/v1/charges`, or `/v1/*` for all that is below. What else is asked of its hosts is denied. Default: all. */
  readonly paths?: readonly string[];
}

/** A Worker that answers for hosts, changes their requests or passes them on. */
export interface EgressHandler {
  readonly hosts: readonly string[];
  /** Default: all. */
  readonly methods?: readonly string[];
  /** The control plane's service binding to it. */
  readonly binding: string;
}

export interface EgressBinding {
  readonly type: "r2" | "kv" | "do";
  /** The control plane's. */
  readonly binding: string;
  /** Of the keys, or of the names of objects, that may be used. Default: all. */
  readonly prefix?: string;
  /** `"write"` includes reading. Default `"read"`. */
  readonly access?: "read" | "write";
}

export interface EgressConfig {
  /** Of hosts that no list names. Default `"deny"`; as `enableInternet`. */
  readonly default?: "deny" | "allow";
  /** With ports and methods where they are meant. A list means that all else is denied; as `allowedHosts`. */
  readonly allow?: readonly EgressRule[];
  /** Wins over everything; as `deniedHosts`. */
  readonly deny?: readonly EgressRule[];
  /** `false`: nothing is reached by HTTPS. Default: true; as `interceptHttps`. */
  readonly interceptHttps?: boolean;
  /** The platform's own way to the internet, past all of this. Only with `default: "allow"` and nothing else. */
  readonly open?: boolean;
  readonly credentials?: readonly EgressCredential[];
  /** The first that fits is asked. */
  readonly handlers?: readonly EgressHandler[];
  /** Names of applications that may be called as `<name>.gantry.internal`; `"*"`: every one of the account. */
  readonly internal?: readonly string[];
  /** Bindings of the control plane that may be used by `r2.`, `kv.` and `do.gantry.internal`. */
  readonly bindings?: readonly EgressBinding[];
  /** Repositories that may be read by `registry.gantry.internal`: `"team/web"`, `"team/*"`, or `"*"` for all. */
  readonly registry?: readonly string[];
}

/** What a definition says about egress, in two ways that do not contradict each other. */
export interface SaysEgress {
  readonly enableInternet?: boolean;
  readonly allowedHosts?: readonly string[];
  readonly deniedHosts?: readonly string[];
  readonly interceptHttps?: boolean;
  readonly egress?: EgressConfig;
}

/** Undefined: it says nothing, and nothing may be reached. */
export function egressConfigOf(definition: SaysEgress): EgressConfig | undefined {
  const { enableInternet, allowedHosts, deniedHosts, interceptHttps, egress } = definition;
  const all = [enableInternet, allowedHosts, deniedHosts, interceptHttps, egress];
  if (all.every((option) => option === undefined)) return undefined;
  return {
    default: enableInternet === true ? "allow" : "deny",
    ...(allowedHosts === undefined ? {} : { allow: allowedHosts }),
    ...(deniedHosts === undefined ? {} : { deny: deniedHosts }),
    ...(interceptHttps === undefined ? {} : { interceptHttps }),
    ...egress,
  };
}

/** As the control API takes it. */
export function wireEgress({ interceptHttps, allow, deny, ...rest }: EgressConfig): object {
  return {
    ...rest,
    ...(allow === undefined ? {} : { allow: allow.map(wireRule) }),
    ...(deny === undefined ? {} : { deny: deny.map(wireRule) }),
    ...(interceptHttps === undefined ? {} : { intercept_https: interceptHttps }),
  };
}

/** As it is decided by. */
export function policyOf(config: EgressConfig): EgressPolicy {
  const { allow, deny = [], credentials = [], handlers = [], internal = [], bindings = [], registry } = config;
  return {
    default: config.default ?? "deny",
    ...(allow === undefined ? {} : { allow: allow.map(ruleOf) }),
    deny: deny.map(ruleOf),
    interceptHttps: config.interceptHttps ?? true,
    open: config.open ?? false,
    credentials: credentials.map(({ hosts, header, prefix = "", ...rest }) => ({
      ...rest,
      hosts: hosts.map(patternOf),
      header: header.toLowerCase(),
      prefix,
    })),
    handlers: handlers.map(({ hosts, ...rest }) => ({ ...rest, hosts: hosts.map(patternOf) })),
    internal,
    bindings: bindings.map(({ prefix = "", access = "read", ...rest }) => ({ ...rest, prefix, access })),
    ...(registry === undefined ? {} : { registry }),
  };
}

function wireRule(rule: EgressRule): EgressRule {
  return typeof rule === "string" ? patternOf(rule) : { ...rule, host: patternOf(rule.host) };
}

function ruleOf(rule: EgressRule) {
  return typeof rule === "string" ? { host: patternOf(rule) } : { ...rule, host: patternOf(rule.host) };
}

function patternOf(host: string): string {
  const result = hostPattern(host);
  return "pattern" in result ? result.pattern : host;
}
