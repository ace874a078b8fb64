/** Why a request was denied, for people, with what would allow it. */
import type { DenyReason } from "./decision.ts";

export function explainDenial(reason: DenyReason, rule: string): string {
  switch (reason) {
    case "denied": {
      return `${rule} of the policy denies it`;
    }
    case "not_allowed": {
      if (rule === "internal" || rule === "bindings" || rule === "registry") return `egress.${rule} does not name it`;
      return rule === "allow"
        ? "egress.allow does not name it"
        : "the policy denies what it does not name: add it to egress.allow";
    }
    case "private_address": {
      return "it is a private address, which only a rule of egress.allow that names it allows";
    }
    case "https_off": {
      return "egress.intercept_https is false, so that nothing is reached by HTTPS";
    }
    case "credential_scope": {
      return `${rule} of the policy does not cover this method and path`;
    }
    case "malformed": {
      return "only http on port 80 and https on port 443 to a host, without user information, by any method but TRACE and CONNECT, are passed on";
    }
  }
}
