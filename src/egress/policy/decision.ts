/** What the evaluator says of one request. */
import type { EgressCredential, EgressHandler } from "./policy.ts";

/** What a container asks for, as the platform hands it over: everything is decided on this and on nothing else. */
export interface Asked {
  readonly url: string;
  readonly method: string;
}

/** Why it is denied, for people and for programs. */
export type DenyReason =
  /** A rule of `deny`. */
  | "denied"
  /** Not in `allow`, or nothing is allowed. */
  | "not_allowed"
  /** An address of a private or reserved range that no rule of `allow` names. */
  | "private_address"
  /** HTTPS while that is not intercepted. */
  | "https_off"
  /** The host's credential does not cover this method or path. */
  | "credential_scope"
  /** No host, user information, a port other than 80 and 443, an unknown scheme, a method that is none. */
  | "malformed";

export type Decision =
  | {
      readonly allowed: true;
      /** Normalised. */
      readonly host: string;
      /** Whoever answers in place of the host. */
      readonly handler: EgressHandler | null;
      /** Each sets its header. */
      readonly credentials: readonly EgressCredential[];
    }
  | {
      readonly allowed: false;
      /** Normalised; as it was asked for where that is not possible, cut to 253 characters. */
      readonly host: string;
      readonly reason: DenyReason;
      /** Which rule, such as `deny[2]`, `allow`, `default`, `credentials[0]`, `intercept_https`; the part that is malformed. */
      readonly rule: string;
    };
