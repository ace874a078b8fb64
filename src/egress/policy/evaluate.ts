/**
 * Whether a container gets what it asks for. Pure, and it never throws: what it cannot read is denied. It decides on the
 * URL and the method alone, so a name that leads to a private address is for whoever resolves it to refuse, and a redirect
 * is a request of its own.
 */
import { isPrivateAddress, isPrivateName } from "./address.ts";
import type { CompiledPolicy, Methods, RuleSet } from "./compile.ts";
import type { Asked, Decision, DenyReason } from "./decision.ts";
import { placesOf, type Host } from "./host-index.ts";
import { coversPath } from "./path.ts";
import type { EgressCredential, EgressHandler } from "./policy.ts";
import { readRequest, type ReadRequest } from "./request.ts";

export function evaluate(policy: CompiledPolicy, asked: Asked): Decision {
  const request = readRequest(asked);
  if ("part" in request) return denied(request.hostText, "malformed", request.part);
  const host = request.host.text;
  if (!policy.interceptHttps && (request.isHttps || request.port === 443)) {
    return denied(host, "https_off", "intercept_https");
  }
  const denying = denyingRule(policy.deny, request);
  if (denying !== null) return denied(host, "denied", `deny[${denying}]`);
  if (policy.allow !== null) {
    // Named by a rule, so it may be private too.
    if (firstRule(policy.allow, request.host, request) === null) return denied(host, "not_allowed", "allow");
  } else {
    if (!policy.allowsByDefault) return denied(host, "not_allowed", "default");
    if (isPrivate(request.host)) return denied(host, "private_address", "default");
  }
  const credentials = credentialsFor(policy, request);
  if (typeof credentials === "number") return denied(host, "credential_scope", `credentials[${credentials}]`);
  return { allowed: true, host, handler: handlerFor(policy, request), credentials };
}

function denied(host: string, reason: DenyReason, rule: string): Decision {
  return { allowed: false, host, reason, rule };
}

/** An address that embeds a denied one is denied; one that embeds an allowed one is not allowed by that. */
function denyingRule(rules: RuleSet, request: ReadRequest): number | null {
  const direct = firstRule(rules, request.host, request);
  if (direct !== null || request.embedded === null) return direct;
  return firstRule(rules, request.embedded, request);
}

function firstRule({ hosts, rules }: RuleSet, host: Host, { port, method }: ReadRequest): number | null {
  for (const place of placesOf(hosts, host)) {
    const rule = rules[place];
    if (rule !== undefined && (rule.ports?.has(port) ?? true) && hasMethod(rule.methods, method)) return place;
  }
  return null;
}

function isPrivate({ text, address }: Host): boolean {
  return address === null ? isPrivateName(text) : isPrivateAddress(address);
}

const NO_CREDENTIALS: readonly EgressCredential[] = [];

/** Those that cover it, one for each header; the place of the first of the host's when none does. */
function credentialsFor({ credentials }: CompiledPolicy, request: ReadRequest): readonly EgressCredential[] | number {
  const places = placesOf(credentials.hosts, request.host);
  const [first] = places;
  if (first === undefined) return NO_CREDENTIALS;
  const byHeader = new Map<string, EgressCredential>();
  for (const place of places) {
    const entry = credentials.entries[place];
    if (entry === undefined || !hasMethod(entry.methods, request.method)) continue;
    const { credential } = entry;
    if (credential.paths !== undefined && !coversPath(credential.paths, request.pathname)) continue;
    if (!byHeader.has(credential.header)) byHeader.set(credential.header, credential);
  }
  return byHeader.size === 0 ? first : [...byHeader.values()];
}

function handlerFor({ handlers }: CompiledPolicy, request: ReadRequest): EgressHandler | null {
  for (const place of placesOf(handlers.hosts, request.host)) {
    const entry = handlers.entries[place];
    if (entry !== undefined && hasMethod(entry.methods, request.method)) return entry.handler;
  }
  return null;
}

function hasMethod(methods: Methods, method: string): boolean {
  return methods?.has(method) ?? true;
}
