/**
 * Hosts in every spelling, and what is to become of requests to them: data, held against the evaluator and against real
 * containers. Three policies; each entry says under which of them, and how a container can ask for it.
 */
import type { DenyReason } from "../../src/egress/policy/decision.ts";
import { LISTED } from "./hosts-listed.ts";
import { MALFORMED } from "./hosts-malformed.ts";
import { UNLISTED } from "./hosts-unlisted.ts";
import { NO_POLICY, type EgressPolicy } from "../../src/egress/policy/policy.ts";

export type PolicyName = "listed" | "unlisted" | "without_https";

/** Names of hosts are below `.test`: upstreams are where the one who runs this puts them. */
export const POLICIES: Readonly<Record<PolicyName, EgressPolicy>> = {
  /** Nothing but what is named. */
  listed: {
    ...NO_POLICY,
    allow: [
      { host: "api.example.test" },
      { host: "*.wild.example.test" },
      { host: "xn--bcher-kva.example.test" },
      { host: "keyed.example.test" },
      { host: "tls.example.test", ports: [443] },
      { host: "read.example.test", methods: ["GET", "HEAD"] },
      { host: "vm.internal" },
      { host: "203.0.113.7" },
      { host: "10.20.0.0/16" },
      { host: "2001:db8::7" },
      { host: "fd00:20::/32" },
    ],
    deny: [
      { host: "blocked.wild.example.test" },
      { host: "*.blocked.wild.example.test" },
      { host: "10.20.30.0/24" },
      { host: "fd00:20:30::/48" },
      { host: "api.example.test", methods: ["DELETE"] },
    ],
    credentials: [
      {
        hosts: ["keyed.example.test"],
        header: "authorization",
        prefix: "Bearer ",
        secret: "hosts-table-key",
        methods: ["GET", "POST"],
        paths: ["/v1/*", "/status"],
      },
    ],
  },
  /** All but what is named, and nothing private. */
  unlisted: {
    ...NO_POLICY,
    default: "allow",
    deny: [
      { host: "blocked.example.test" },
      { host: "*.evil.example.test" },
      { host: "8.8.8.8" },
      { host: "9.9.0.0/16" },
    ],
  },
  without_https: { ...NO_POLICY, default: "allow", interceptHttps: false },
};

/**
 * `url`: given to `fetch` or `http.request` as it is; whoever runs this sees to it that all names resolve.
 * `host`: clients refuse or change it, so what is between `//` and the next `/` is sent as `Host` to port 80 of an address.
 * `none`: nothing that a container sends to port 80 or 443 says this.
 */
export type Way = "url" | "host" | "none";

export interface TableEntry {
  readonly policy: PolicyName;
  readonly url: string;
  readonly method: string;
  readonly way: Way;
  readonly expected: "allowed" | DenyReason;
}

export interface Group {
  readonly policy: PolicyName;
  readonly expected: TableEntry["expected"];
  readonly way?: Way;
  readonly method?: string;
  readonly urls: readonly string[];
}

export const HOSTS_TABLE: readonly TableEntry[] = [...LISTED, ...MALFORMED, ...UNLISTED].flatMap(
  ({ urls, way = "url", method = "GET", ...group }) => urls.map((url) => ({ ...group, url, way, method })),
);
