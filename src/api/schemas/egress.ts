/**
 * `egress` of an application: what its containers may reach. Hosts are brought to the form that requests are compared with
 * where they are written, so that what would match something else than its author meant is refused here.
 */
import * as z from "zod";
import { isHeaderName, isSettableHeader } from "../../egress/policy/header.ts";
import { hostPattern } from "../../egress/policy/host.ts";
import { pathPattern } from "../../egress/policy/path.ts";
import type { BindingGrant, EgressPolicy, EgressRule } from "../../egress/policy/policy.ts";
import { isPattern } from "../../registry/auth/patterns.ts";
import { APPLICATION_NAME } from "./application-name.ts";

const INTERNAL = new RegExp(`^\\*$|${APPLICATION_NAME.source}`);

export const EGRESS_LIMITS = {
  rules: 256,
  credentials: 32,
  handlers: 32,
  internal: 64,
  bindings: 32,
  registry: 32,
  hosts: 32,
} as const;

const methods = z
  .array(
    z
      .string()
      .regex(/^[A-Z]{1,32}$/, "must be a method in capitals, such as GET")
      .refine((method) => method !== "CONNECT" && method !== "TRACE", "is never sent from a container"),
  )
  .min(1)
  .max(16);

const host = z
  .string()
  .max(253)
  .superRefine((value, context) => {
    const parsed = hostPattern(value);
    if ("problem" in parsed) context.addIssue({ code: "custom", message: parsed.problem });
  });

const HOST =
  "`api.example.com`; `*.example.com`, which is everything below it and not itself; an address; or a range such as 10.0.0.0/8";

const hosts = z.array(host).min(1).max(EGRESS_LIMITS.hosts);

const rule = z.union(
  [
    host,
    z.strictObject({
      host: host.describe(HOST),
      ports: z
        .array(
          z.int().refine((port) => port === 80 || port === 443, "must be 80 or 443: everything else is blocked anyway"),
        )
        .min(1)
        .max(2)
        .optional()
        .describe("80, 443 or both; default: both"),
      methods: methods.optional().describe("Methods that it is about; default: all"),
    }),
  ],
  "must be a host, or an object with host and, where they are meant, ports and methods",
);

const credential = z.strictObject({
  hosts: hosts.describe("Hosts whose requests get the header"),
  header: z
    .string()
    .refine(isHeaderName, "must be the name of a header")
    .refine(isSettableHeader, "belongs to the connection or to Gantry, and cannot be set")
    .describe("Header that is set outside the container; one of that name that the container sends is overwritten"),
  prefix: z
    .string()
    .max(64)
    .regex(/^[\x20-\x7e]*$/, "must be printable ASCII")
    .optional()
    .describe("Put before the secret's value, such as `Bearer `; default: nothing"),
  secret: z
    .string()
    .min(1)
    .max(255)
    .describe("Name of the account's secret whose value it is; the container never has it"),
  optional: z
    .boolean()
    .optional()
    .describe(
      "`true`: the secret may be made later, and deleted at any time; without it nothing is sent to these hosts. Default: false",
    ),
  methods: methods.optional().describe("Methods that may be used with it, other ones are denied; default: all"),
  paths: z
    .array(
      z
        .string()
        .max(1_024)
        .superRefine((value, context) => {
          const parsed = pathPattern(value);
          if ("problem" in parsed) context.addIssue({ code: "custom", message: parsed.problem });
        }),
    )
    .min(1)
    .max(64)
    .optional()
    .describe(
      "Paths that may be asked for with it, other ones are denied; a `*` at the end is all below. Default: all",
    ),
});

const handler = z.strictObject({
  hosts: hosts.describe("Hosts whose requests go to the Worker; they must be allowed as well"),
  methods: methods.optional().describe("Methods that it is about; default: all"),
  binding: z
    .string()
    .min(1)
    .max(64)
    .describe(
      "Name of a service binding of the control plane; the Worker answers, changes the request or passes it on",
    ),
});

const grant = z.strictObject({
  type: z.enum(["r2", "kv", "do"]).describe("R2 bucket, KV namespace or Durable Object namespace"),
  binding: z.string().min(1).max(64).describe("Name of the binding of the control plane"),
  prefix: z
    .string()
    .max(512)
    .optional()
    .describe(
      "Keys, or names of objects, that begin with it; `{name}` in it stands for what the calling instance is called by. Default: all",
    ),
  access: z.enum(["read", "write"]).optional().describe("`write` includes reading; default: read"),
});

export const egressFields = {
  default: z
    .enum(["deny", "allow"])
    .optional()
    .describe("What happens to a host that no list names; private addresses are denied either way. Default: deny"),
  allow: z
    .array(rule)
    .max(EGRESS_LIMITS.rules)
    .optional()
    .describe(`Hosts that may be reached; where it is given everything else is denied, and \`[]\` denies all. ${HOST}`),
  deny: z
    .array(rule)
    .max(EGRESS_LIMITS.rules)
    .optional()
    .describe("Hosts that may not be reached, whatever else says so; default: none"),
  intercept_https: z
    .boolean()
    .optional()
    .describe("`false`: nothing is reached by HTTPS, and the image need not trust the certificate. Default: true"),
  open: z
    .boolean()
    .optional()
    .describe(
      "Containers get the platform's own way to the internet, past all of this; only with `default: allow` and no other rule, " +
        "and from the next start on. Default: false",
    ),
  credentials: z
    .array(credential)
    .max(EGRESS_LIMITS.credentials)
    .optional()
    .describe("Headers with secrets that are added outside the container; default: none"),
  handlers: z
    .array(handler)
    .max(EGRESS_LIMITS.handlers)
    .optional()
    .describe("Workers that answer for hosts; the first that fits is asked. Default: none"),
  internal: z
    .array(z.string().regex(INTERNAL, "must be the name of an application, or * for every one"))
    .max(EGRESS_LIMITS.internal)
    .optional()
    .describe(
      "Applications that may be called as `<name>.gantry.internal` and by the addresses of their instances; `*`: every one " +
        "of the account. Default: none",
    ),
  bindings: z
    .array(grant)
    .max(EGRESS_LIMITS.bindings)
    .optional()
    .describe("Bindings of the control plane that may be used by `r2.`, `kv.` and `do.gantry.internal`; default: none"),
  registry: z
    .array(
      z
        .string()
        .max(255)
        .refine((text) => text === "*" || isPattern(text), "must be a repository such as team/web, team/* or *"),
    )
    .min(1)
    .max(EGRESS_LIMITS.registry)
    .optional()
    .describe(
      "Repositories of the account's own registry that may be read by `registry.gantry.internal`: `team/web`, `team/*`, or `*` " +
        "for all. Default: none",
    ),
};

export const egressSchema = z.strictObject(egressFields).superRefine((value, context) => {
  const refuse = (path: string, message: string) => context.addIssue({ code: "custom", path: [path], message });
  if (value.open === true) {
    if (value.default !== "allow") refuse("open", 'needs default: "allow"');
    const others = ["allow", "deny", "credentials", "handlers"] as const;
    for (const field of others) {
      if (value[field] !== undefined) refuse("open", `cannot be together with ${field}: nothing would enforce it`);
    }
    if (value.intercept_https !== undefined) refuse("open", "cannot be together with intercept_https");
  }
});

type EgressBody = z.output<typeof egressSchema>;

/** A body as it is stored. */
export function egressOf(body: EgressBody): EgressPolicy {
  return {
    default: body.default ?? "deny",
    ...(body.allow === undefined ? {} : { allow: body.allow.map(ruleOf) }),
    deny: body.deny?.map(ruleOf) ?? [],
    interceptHttps: body.intercept_https ?? true,
    open: body.open ?? false,
    credentials: (body.credentials ?? []).map(
      ({ hosts: named, header, prefix = "", secret, optional = false, ...limits }) => ({
        hosts: named.map(patternOf),
        header: header.toLowerCase(),
        prefix,
        secret,
        ...(optional ? { optional } : {}),
        ...limitsOf(limits),
      }),
    ),
    handlers: (body.handlers ?? []).map(({ hosts: named, binding, methods: only }) => ({
      hosts: named.map(patternOf),
      ...(only === undefined ? {} : { methods: only }),
      binding,
    })),
    internal: [...new Set(body.internal)],
    bindings: (body.bindings ?? []).map(({ type, binding, prefix = "", access = "read" }): BindingGrant => ({
      type,
      binding,
      prefix,
      access,
    })),
    ...(body.registry === undefined ? {} : { registry: [...new Set(body.registry)] }),
  };
}

function limitsOf({ methods: only, paths }: { methods?: string[] | undefined; paths?: string[] | undefined }) {
  return { ...(only === undefined ? {} : { methods: only }), ...(paths === undefined ? {} : { paths }) };
}

function ruleOf(body: z.output<typeof rule>): EgressRule {
  if (typeof body === "string") return { host: patternOf(body) };
  const { host: text, ports, methods: only } = body;
  return {
    host: patternOf(text),
    ...(ports === undefined ? {} : { ports }),
    ...(only === undefined ? {} : { methods: only }),
  };
}

/** The schema has accepted it. */
function patternOf(text: string): string {
  const parsed = hostPattern(text);
  return "pattern" in parsed ? parsed.pattern : text;
}
