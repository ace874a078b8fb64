/** Which test sees the effect of each field about egress. */

type Tests = Readonly<Record<string, readonly [file: string, title: string]>>;

const FIELDS = "test/workers/egress-fields.test.ts";
const API = "test/workers/egress-api.test.ts";
const HOLDS = "test/workers/egress.test.ts";

const NAMED = "allows what a list names and nothing else, whatever its default is";
const BY_PORT = "allows and denies by port and by method";
const UNLISTED = "says what happens to hosts that no list names";
const INJECTED = "is the secret behind its prefix, in its header, at its hosts";
const SCOPED = "is for its methods and paths, and its hosts are for nothing else";
const OPTIONAL = "names a secret that is made later, where its credential is optional, and never keeps it";
const HANDLED = "sends the methods of a host that a Worker handles there, and others to the host";
const GRANTED = "is a binding of that type and name, below its prefix, to be read or written";
const IMAGES = "is a repository of the account's registry that the policy names, to be read";
const CHANGED = "is added, taken off and put in place of what the policy says";
const PAGES = "comes in pages, the latest first, of one host or instance where that is asked for";

const ofRules = (list: string, title: string): Tests => ({
  [list]: [FIELDS, title],
  [`${list}[].host`]: [FIELDS, BY_PORT],
  [`${list}[].ports`]: [FIELDS, BY_PORT],
  [`${list}[].methods`]: [FIELDS, BY_PORT],
});

export const EGRESS_FIELD_TESTS: Readonly<Record<string, Tests>> = {
  EgressInput: {
    default: [FIELDS, UNLISTED],
    ...ofRules("allow", NAMED),
    ...ofRules("deny", UNLISTED),
    intercept_https: [FIELDS, "reaches nothing by HTTPS where that is not intercepted"],
    open: [HOLDS, "starts containers with the platform's own way to the internet, and keeps the names inside"],
    "credentials[].hosts": [FIELDS, INJECTED],
    "credentials[].header": [FIELDS, INJECTED],
    "credentials[].prefix": [FIELDS, INJECTED],
    "credentials[].secret": [FIELDS, INJECTED],
    "credentials[].optional": [API, OPTIONAL],
    "credentials[].methods": [FIELDS, SCOPED],
    "credentials[].paths": [FIELDS, SCOPED],
    "handlers[].hosts": [FIELDS, HANDLED],
    "handlers[].methods": [FIELDS, HANDLED],
    "handlers[].binding": [FIELDS, HANDLED],
    internal: [FIELDS, "is called by the names that the policy has, or by any with a star"],
    "bindings[].type": [FIELDS, GRANTED],
    "bindings[].binding": [FIELDS, GRANTED],
    "bindings[].prefix": [FIELDS, GRANTED],
    "bindings[].access": [FIELDS, GRANTED],
    registry: [FIELDS, IMAGES],
  },
  CreateApplication: { egress: [FIELDS, UNLISTED] },
  PutApplication: { egress: [HOLDS, "holds for the next request of what runs, whichever way it is changed"] },
  PatchApplication: { egress: [HOLDS, "holds for the next request of what runs, whichever way it is changed"] },
  ChangeEgress: {
    allow: [API, CHANGED],
    deny: [API, CHANGED],
    remove_allowed: [API, CHANGED],
    remove_denied: [API, CHANGED],
    set_allowed: [API, CHANGED],
    set_denied: [API, CHANGED],
  },
  query: {
    host: [API, PAGES],
    "instance (GET /applications/{id}/egress/log)": [API, PAGES],
  },
};
