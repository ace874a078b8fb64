/** The shape of `egress` of a definition. A test holds it against the schema that the API checks with. */
import * as z from "zod";
import { isHeaderName, isSettableHeader } from "../../egress/policy/header.ts";
import { hostPattern } from "../../egress/policy/host.ts";
import { pathPattern } from "../../egress/policy/path.ts";
import { isPattern } from "../../registry/auth/patterns.ts";
import { LIMITS } from "./config.ts";
import { isApplicationName, NAME_RULE } from "./names.ts";

const host = () =>
  z.string("must be a host").superRefine((text, context) => {
    const result = hostPattern(text);
    if ("problem" in result) context.addIssue({ code: "custom", message: `${JSON.stringify(text)} ${result.problem}` });
  });

export const hosts = () => z.array(host(), "must be a list of hosts");

const someHosts = () =>
  hosts()
    .min(1, "must name at least one host")
    .max(LIMITS.egressHosts, `must name at most ${LIMITS.egressHosts} hosts`);

const methods = () => {
  const rule = "must be a method in capitals, such as GET";
  return z
    .array(
      z
        .string(rule)
        .regex(/^[A-Z]{1,32}$/, rule)
        .refine((method) => method !== "CONNECT" && method !== "TRACE", "is never sent from a container"),
      "must be a list of methods",
    )
    .min(1, "must name at least one method: leave it out for all")
    .max(16)
    .optional();
};

const ruleOfPorts = () =>
  z.strictObject(
    {
      host: host(),
      ports: z
        .array(z.literal([80, 443], "must be 80 or 443: everything else is blocked anyway"), "must be a list of ports")
        .min(1, "must name at least one port: leave it out for both")
        .max(2)
        .optional(),
      methods: methods(),
    },
    "must be a host, or { host, ports, methods }",
  );

/** Not a union, whose problems would be told as one that names no field. */
const rules = () =>
  z
    .array(
      z.unknown().superRefine((rule, context) => {
        const { error } = (typeof rule === "string" ? host() : ruleOfPorts()).safeParse(rule);
        for (const issue of error?.issues ?? []) context.addIssue({ ...issue });
      }),
      "must be a list of hosts",
    )
    .max(LIMITS.egressRules, `must have at most ${LIMITS.egressRules} entries`)
    .optional();

const bindingName = () => {
  const rule = "must be the name of a binding of the control plane";
  return z.string(rule).min(1, rule).max(64, rule);
};

const path = () =>
  z.string("must be a path").superRefine((text, context) => {
    const result = pathPattern(text);
    if ("problem" in result) context.addIssue({ code: "custom", message: result.problem });
  });

const credential = () =>
  z.strictObject({
    hosts: someHosts(),
    header: z
      .string("must be the name of a header")
      .refine(isHeaderName, "must be the name of a header")
      .refine(isSettableHeader, "belongs to the connection or to Gantry, and cannot be set"),
    prefix: z
      .string("must be a text")
      .max(64, "must have at most 64 characters")
      .regex(/^[\x20-\x7e]*$/, "must be printable ASCII")
      .optional(),
    secret: z.string("must be the name of a secret").min(1, "must be the name of a secret").max(255),
    optional: z.boolean("must be true or false").optional(),
    methods: methods(),
    paths: z.array(path()).min(1, "must name at least one path: leave it out for all").max(64).optional(),
  });

const grant = () =>
  z.strictObject({
    type: z.enum(["r2", "kv", "do"], "must be r2, kv or do"),
    binding: bindingName(),
    prefix: z.string("must be a text").max(512, "must have at most 512 characters").optional(),
    access: z.enum(["read", "write"], "must be read or write").optional(),
  });

const REPOSITORY_RULE = 'must be a repository such as team/web, team/* or "*"';

export function egressConfig() {
  return z.strictObject({
    default: z.enum(["deny", "allow"], "must be deny or allow").optional(),
    allow: rules(),
    deny: rules(),
    interceptHttps: z.boolean("must be true or false").optional(),
    open: z.boolean("must be true or false").optional(),
    credentials: z.array(credential()).max(LIMITS.egressCredentials).optional(),
    handlers: z
      .array(z.strictObject({ hosts: someHosts(), methods: methods(), binding: bindingName() }))
      .max(LIMITS.egressHandlers)
      .optional(),
    internal: z
      .array(z.string(NAME_RULE).refine((name) => name === "*" || isApplicationName(name), `${NAME_RULE}; or "*"`))
      .max(LIMITS.egressInternal)
      .optional(),
    bindings: z.array(grant()).max(LIMITS.egressBindings).optional(),
    registry: z
      .array(z.string(REPOSITORY_RULE).refine((text) => text === "*" || isPattern(text), REPOSITORY_RULE))
      .min(1, "must name at least one repository: leave it out for none")
      .max(LIMITS.egressRegistry)
      .optional(),
  });
}
