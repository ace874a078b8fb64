/** Egress in answers. Policies have the form that a body has: what is at its default is left out, so that it can be written back. */
import { explainDenial } from "../../egress/policy/explain.ts";
import type { EgressOverrides, EgressPolicy, EgressRule, ListOverride } from "../../egress/policy/policy.ts";
import type { Usage } from "../../egress/told.ts";
import { iso } from "../../iso.ts";
import type { StoredDenial } from "../../orchestrator/egress/egress-log.ts";

export function wireEgress(policy: EgressPolicy) {
  const { allow, deny, credentials, handlers, internal, bindings, registry } = policy;
  return {
    default: policy.default,
    ...(allow === undefined ? {} : { allow: allow.map(wireRule) }),
    ...(deny.length === 0 ? {} : { deny: deny.map(wireRule) }),
    ...(policy.interceptHttps ? {} : { intercept_https: false }),
    ...(policy.open ? { open: true } : {}),
    ...(credentials.length === 0
      ? {}
      : {
          credentials: credentials.map(({ hosts, header, prefix, secret, optional, methods, paths }) => ({
            hosts: [...hosts],
            header,
            ...(prefix === "" ? {} : { prefix }),
            secret,
            ...(optional === true ? { optional } : {}),
            ...(methods === undefined ? {} : { methods: [...methods] }),
            ...(paths === undefined ? {} : { paths: [...paths] }),
          })),
        }),
    ...(handlers.length === 0
      ? {}
      : {
          handlers: handlers.map(({ hosts, methods, binding }) => ({
            hosts: [...hosts],
            ...(methods === undefined ? {} : { methods: [...methods] }),
            binding,
          })),
        }),
    ...(internal.length === 0 ? {} : { internal: [...internal] }),
    ...(bindings.length === 0 ? {} : { bindings: bindings.map((grant) => ({ ...grant })) }),
    ...(registry === undefined ? {} : { registry: [...registry] }),
  };
}

export function wireRule({ host, ports, methods }: EgressRule) {
  if (ports === undefined && methods === undefined) return host;
  return {
    host,
    ...(ports === undefined ? {} : { ports: [...ports] }),
    ...(methods === undefined ? {} : { methods: [...methods] }),
  };
}

export function wireUsage({ requests, denied, bytesUp, bytesDown }: Usage) {
  return { requests, denied, bytes_up: bytesUp, bytes_down: bytesDown };
}

export function wireDenial({ host, method, rule, reason, count, firstAt, lastAt }: StoredDenial, instance: string) {
  const message = explainDenial(reason, rule);
  return { instance, host, method, reason, rule, message, count, first_at: iso(firstAt), last_at: iso(lastAt) };
}

export function wireOverrides({ allow, deny }: EgressOverrides) {
  return { allow: wireOverride(allow), deny: wireOverride(deny) };
}

function wireOverride({ set, added, removed }: ListOverride) {
  return { set: set === null ? null : [...set], added: [...added], removed: [...removed] };
}
