/** A policy in the form in which requests are held against it. Made once for each policy, used for every request. */
import { indexHosts, type HostIndex } from "./host-index.ts";
import type { EgressCredential, EgressHandler, EgressPolicy, EgressRule } from "./policy.ts";

export interface CompiledPolicy {
  readonly interceptHttps: boolean;
  readonly allowsByDefault: boolean;
  readonly deny: RuleSet;
  /** Null: there is no list. */
  readonly allow: RuleSet | null;
  readonly credentials: { readonly hosts: HostIndex; readonly entries: readonly CompiledCredential[] };
  readonly handlers: { readonly hosts: HostIndex; readonly entries: readonly CompiledHandler[] };
}

export interface RuleSet {
  readonly hosts: HostIndex;
  readonly rules: readonly CompiledRule[];
}

export interface CompiledRule {
  /** Null: both. */
  readonly ports: ReadonlySet<number> | null;
  readonly methods: Methods;
}

/** Null: all. */
export type Methods = ReadonlySet<string> | null;

export interface CompiledCredential {
  readonly credential: EgressCredential;
  readonly methods: Methods;
}

export interface CompiledHandler {
  readonly handler: EgressHandler;
  readonly methods: Methods;
}

/** Its hosts are as `hostPattern` gives them, its methods in upper case. */
export function compilePolicy(policy: EgressPolicy): CompiledPolicy {
  return {
    interceptHttps: policy.interceptHttps,
    allowsByDefault: policy.default === "allow",
    deny: ruleSet(policy.deny),
    allow: policy.allow === undefined ? null : ruleSet(policy.allow),
    credentials: {
      hosts: indexHosts(policy.credentials.map(({ hosts }) => hosts)),
      entries: policy.credentials.map((credential) => ({ credential, methods: setOf(credential.methods) })),
    },
    handlers: {
      hosts: indexHosts(policy.handlers.map(({ hosts }) => hosts)),
      entries: policy.handlers.map((handler) => ({ handler, methods: setOf(handler.methods) })),
    },
  };
}

function ruleSet(rules: readonly EgressRule[]): RuleSet {
  return {
    hosts: indexHosts(rules.map(({ host }) => [host])),
    rules: rules.map(({ ports, methods }) => ({ ports: setOf(ports), methods: setOf(methods) })),
  };
}

function setOf<T>(items: readonly T[] | undefined): ReadonlySet<T> | null {
  return items === undefined ? null : new Set(items);
}
