/**
 * `network` and `ports` of a configuration: whether an instance has an address of its own, and what it listens on. The
 * form is Cloudflare's; what a mode means when nothing is said depends on what is being made.
 */
import * as z from "zod";

export const NETWORK_MODES = ["public", "public-by-port", "private"] as const;
export type NetworkMode = (typeof NETWORK_MODES)[number];

const strategy = z.enum(["none", "predefined", "account"]);
export type AddressStrategy = z.output<typeof strategy>;

const MAX_RANGES = 16;

const portNumber = z.int().min(1).max(65_535);

export const portName = z
  .string()
  .regex(/^(?!.*--)[A-Za-z0-9_-]{1,15}$/, "must be 1 to 15 letters, digits, _ or -, without a double dash");

const portRange = z
  .strictObject({
    start: portNumber.describe("First port of the range"),
    end: portNumber.describe("Last port of the range, itself included"),
  })
  .refine(({ start, end }) => start <= end, { path: ["end"], message: "must not be below start" });

export const namedPort = z
  .strictObject({
    name: portName.describe("What checks and the variables `CLOUDFLARE_PORT_<name>` call the port; unique"),
    port: portNumber.optional().describe("The port that the container listens on"),
    assign_port: z
      .array(portRange)
      .min(1)
      .max(MAX_RANGES)
      .optional()
      .describe("In place of `port`: the first port of these ranges that no other of the configuration has"),
  })
  .superRefine((value, context) => {
    if (value.port !== undefined && value.assign_port !== undefined) {
      context.addIssue({ code: "custom", path: ["assign_port"], message: "is exclusive with port: give one of them" });
    }
    if (value.port === undefined && value.assign_port === undefined) {
      context.addIssue({ code: "custom", path: ["port"], message: "is required, or assign_port with ranges" });
    }
  });

export const requiredPort = z.union([portNumber, portName]);

export const network = z.strictObject({
  mode: z
    .enum(NETWORK_MODES)
    .optional()
    .describe(
      "Whether an instance has an address of its own: `public` with every port, `public-by-port` with those of `ports`, " +
        "`private` none; default `private` for applications, `public` for deployments",
    ),
  assign_ipv4: strategy
    .optional()
    .describe(
      "An IPv4 address for each instance: `predefined` from the shared range, `account` one that the account keeps; " +
        'only with mode "public"; default `none`',
    ),
  assign_ipv6: strategy
    .optional()
    .describe(
      "An IPv6 address for each instance; mode `public` always has one; default `predefined` with an address, else `none`",
    ),
});

export type NamedPort = z.output<typeof namedPort>;
export type Network = z.output<typeof network>;

interface Networked {
  readonly network?: Network | undefined;
  readonly ports?: readonly NamedPort[] | undefined;
  readonly required_ports?: readonly (number | string)[] | undefined;
  readonly environment_variables?: readonly { readonly name: string }[] | undefined;
  readonly secrets?: readonly { readonly name: string }[] | undefined;
}

/** What a schema of one field cannot see. */
export function refineNetwork(value: Networked, context: z.core.$RefinementCtx): void {
  for (const { path, message } of [...networkIssues(value), ...portIssues(value), ...requiredPortIssues(value)]) {
    context.addIssue({ code: "custom", path: [...path], message });
  }
}

interface Issue {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** For a configuration whose mode is known. */
export function networkIssues({ network: given, ports = [] }: Networked): Issue[] {
  const { mode, assign_ipv4: ipv4 = "none", assign_ipv6: ipv6 = "none" } = given ?? {};
  const issues: Issue[] = [];
  if (mode !== undefined && mode !== "public" && ipv4 !== "none") {
    issues.push({ path: ["network", "assign_ipv4"], message: `needs network.mode "public"; it is "${mode}"` });
  }
  if (mode === "private" && ipv6 !== "none") {
    const message = 'needs network.mode "public" or "public-by-port"; it is "private"';
    issues.push({ path: ["network", "assign_ipv6"], message });
  }
  if (mode === "public-by-port" && ports.length === 0) {
    const message = '"public-by-port" needs configuration.ports with the ports to open';
    issues.push({ path: ["network", "mode"], message });
  }
  return issues;
}

const PORT_VARIABLES = ["PORT", "HOST_PORT", "HOST_IP", "HOST_ADDR"] as const;

/** The variable that tells a container about one of its ports. */
export function portVariable(kind: (typeof PORT_VARIABLES)[number], name: string): string {
  return `CLOUDFLARE_${kind}_${name.replaceAll("-", "_")}`;
}

function portIssues({ ports = [], environment_variables: variables = [], secrets = [] }: Networked): Issue[] {
  const issues: Issue[] = [];
  const bySuffix = new Map<string, string>();
  const reserved = new Map<string, string>();
  ports.forEach(({ name }, index) => {
    const suffix = portVariable("PORT", name);
    const other = bySuffix.get(suffix);
    if (other !== undefined && other !== name) {
      const message = `${name} and ${other} come to the same variable ${suffix}: rename one`;
      issues.push({ path: ["ports", index, "name"], message });
    }
    bySuffix.set(suffix, name);
    for (const kind of PORT_VARIABLES) reserved.set(portVariable(kind, name), name);
  });
  for (const [field, items] of Object.entries({ environment_variables: variables, secrets })) {
    items.forEach(({ name }, index) => {
      const port = reserved.get(name);
      if (port === undefined) return;
      const message = `is set by Gantry for the port ${port}: take another name`;
      issues.push({ path: [field, index, "name"], message });
    });
  }
  const ranges = ports.flatMap(({ assign_port: assigned = [] }, index) =>
    assigned.map((range, item) => ({ ...range, index, item })),
  );
  ranges.forEach(({ start, end, index, item }, at) => {
    const clash = ranges.slice(0, at).find((other) => {
      const isSame = other.start === start && other.end === end && other.index !== index;
      return !isSame && other.start <= end && start <= other.end;
    });
    if (clash === undefined) return;
    const message = `overlaps ${clash.start}-${clash.end}: ranges are identical or disjoint`;
    issues.push({ path: ["ports", index, "assign_port", item], message });
  });
  if (issues.length === 0) {
    const missing = assignPorts(ports).findIndex(({ port }) => port === null);
    if (missing !== -1) issues.push({ path: ["ports", missing, "assign_port"], message: "has no port left for it" });
  }
  return issues;
}

/** Each is a port that there is, and no other again. */
function requiredPortIssues({ ports = [], required_ports: required = [] }: Networked): Issue[] {
  const known = assignPorts(ports);
  const seen = new Set<number>();
  return required.flatMap((item, index): Issue[] => {
    const path = ["required_ports", index];
    const port = typeof item === "number" ? item : known.find(({ name }) => name === item)?.port;
    if (port === undefined) {
      const names = known.length === 0 ? "none is declared" : `declared: ${known.map(({ name }) => name).join(", ")}`;
      return [{ path, message: `must be a number, or name one of configuration.ports; ${names}` }];
    }
    // What has no port left is refused where it is declared.
    if (port === null) return [];
    if (seen.has(port)) return [{ path, message: `is there twice: port ${port}` }];
    seen.add(port);
    return [];
  });
}

export interface AssignedPort {
  readonly name: string;
  /** Null when the ranges have none left, which the schema refuses. */
  readonly port: number | null;
  readonly ranges: readonly { readonly start: number; readonly end: number }[];
}

/**
 * The port of each name. What is assigned follows from the configuration alone, so that it is the same for every
 * placement, and every instance has its own network, so that none is in another's way.
 */
export function assignPorts(ports: readonly NamedPort[]): AssignedPort[] {
  const taken = new Set(ports.flatMap(({ port }) => (port === undefined ? [] : [port])));
  return ports.map(({ name, port, assign_port: ranges = [] }) => {
    if (port !== undefined) return { name, port, ranges };
    for (const { start, end } of ranges) {
      for (let candidate = start; candidate <= end; candidate += 1) {
        if (taken.has(candidate)) continue;
        taken.add(candidate);
        return { name, port: candidate, ranges };
      }
    }
    return { name, port: null, ranges };
  });
}
