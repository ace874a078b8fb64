/**
 * What containers of an application may reach, as its author has said it and validation has normalised it. It belongs to
 * the application and not to a version: a change holds for what runs, from its next request on.
 */

/** No application says anything else of itself: nothing outside is reached. */
export const NO_POLICY: EgressPolicy = {
  default: "deny",
  deny: [],
  interceptHttps: true,
  open: false,
  credentials: [],
  handlers: [],
  internal: [],
  bindings: [],
};

export interface EgressPolicy {
  /** Of a host that no list names. With `allow` present it says nothing: what that does not name is denied. */
  readonly default: "deny" | "allow";
  /** Present: nothing else is allowed; empty, nothing at all. */
  readonly allow?: readonly EgressRule[];
  /** Wins over everything. */
  readonly deny: readonly EgressRule[];
  /** False: nothing is reached by HTTPS, and no container needs to trust the certificate of its start. */
  readonly interceptHttps: boolean;
  /** Started with the platform's own way to the internet, past all of this. Only of a policy that restricts nothing. */
  readonly open: boolean;
  readonly credentials: readonly EgressCredential[];
  readonly handlers: readonly EgressHandler[];
  /** Names of applications that it may call by `<name>.gantry.internal` and by the addresses of their instances. */
  readonly internal: readonly string[];
  /** Bindings of the control plane that it may use by `r2.`, `kv.` and `do.gantry.internal`. */
  readonly bindings: readonly BindingGrant[];
  /**
   * Repositories of the account's own registry that it may read by `registry.gantry.internal`: names, `<prefix>/*`, or `*`.
   * Absent: none.
   */
  readonly registry?: readonly string[];
}

/** In the form that requests are compared with, see `hostPattern`. */
export type HostPattern = string;

/** What an application's instances may reach, as of a write to it. */
export interface EgressNow {
  /** Grows with the writes: an older one changes nothing. */
  readonly seq: number;
  /** Null: nothing outside. */
  readonly policy: EgressPolicy | null;
}

export interface EgressRule {
  /** `api.example.com`; `*.example.com`, which is everything below and not itself; an address; `10.0.0.0/8`. */
  readonly host: HostPattern;
  /** Absent: 80 and 443, which is all there is. */
  readonly ports?: readonly number[];
  /** Upper case. Absent: all. */
  readonly methods?: readonly string[];
}

/** A header that is set outside the container, from a secret that is in none. */
export interface EgressCredential {
  readonly hosts: readonly HostPattern[];
  /** Lower case. */
  readonly header: string;
  /** Put before the secret's value, such as `Bearer `. */
  readonly prefix: string;
  /** Name of a secret of the account. */
  readonly secret: string;
  /** True: the secret may be missing, and nothing is sent to its hosts meanwhile. Absent: it is there as long as it is named. */
  readonly optional?: boolean;
  /** Upper case. What else is asked of its hosts is denied. Absent: all. */
  readonly methods?: readonly string[];
  /** Each begins with `/`; with a `*` at its end, all that begins so. Absent: all. */
  readonly paths?: readonly string[];
}

/** A Worker bound to the control plane that answers requests to these hosts, or changes them. */
export interface EgressHandler {
  readonly hosts: readonly HostPattern[];
  /** Upper case. Absent: all. */
  readonly methods?: readonly string[];
  /** Name of a service binding of the control plane. */
  readonly binding: string;
}

export interface BindingGrant {
  readonly type: "r2" | "kv" | "do";
  /** Name of the binding of the control plane. */
  readonly binding: string;
  /** Of the keys, or of the names of objects, that it may use. Empty: all. */
  readonly prefix: string;
  readonly access: "read" | "write";
}

/** What was changed for one instance while it runs; it lasts until it is reset or the instance is gone. */
export interface EgressOverrides {
  readonly allow: ListOverride;
  readonly deny: ListOverride;
}

export interface ListOverride {
  /** In place of the policy's list; null: the policy's. */
  readonly set: readonly HostPattern[] | null;
  readonly added: readonly HostPattern[];
  readonly removed: readonly HostPattern[];
}

export const NO_OVERRIDES: EgressOverrides = {
  allow: { set: null, added: [], removed: [] },
  deny: { set: null, added: [], removed: [] },
};
