/**
 * `configuration.checks[]`: what a container is asked while it lives, in Cloudflare's field names with Kubernetes'
 * semantics. A field without an effect for the kind or type of a check is refused.
 */
import * as z from "zod";
import { duration } from "./duration.ts";
import { portName } from "./network.ts";

export const CHECK_LIMITS = { checks: 8, bodyLength: 4_096, nameLength: 64, expectedStatuses: 16 } as const;

const request = z.strictObject({
  method: z
    .enum(["GET", "POST", "PATCH", "PUT", "OPTIONS", "DELETE", "HEAD"])
    .default("GET")
    .describe("Method of the request; default: GET"),
  path: z.string().startsWith("/").max(2_048).describe("Path and query of the request"),
  body: z
    .string()
    .max(CHECK_LIMITS.bodyLength)
    .optional()
    .describe("Body of the request: needed for POST, PATCH and PUT, refused for GET and HEAD"),
  headers: z
    .record(z.string().max(256), z.string().max(4_096))
    .optional()
    .describe("Headers of the request beside Gantry's user-agent; default: none"),
});

const expectedStatus = z.union([
  z.int().min(100).max(599),
  z.string().regex(/^[1-5](?:xx|\d\d)$/, "must be a status such as 204 or a class such as 2xx"),
]);

export const check = z
  .strictObject({
    name: z
      .string()
      .min(1)
      .max(CHECK_LIMITS.nameLength)
      .optional()
      .describe("How events and instances name the check; default: its kind and its number, as in ready-0"),
    type: z
      .enum(["http", "tcp"])
      .describe("`http` sends a request and looks at the status of the answer, `tcp` only opens a connection"),
    port: portName.describe("Name of the one of `ports` that is checked"),
    http: request.optional().describe("The request of a check of type http"),
    tls: z
      .literal(false, "must be false: a check speaks plain HTTP or TCP to the container's port")
      .optional()
      .describe("Whether the port speaks TLS; only false is taken"),
    expect_status: z
      .array(expectedStatus)
      .min(1)
      .max(CHECK_LIMITS.expectedStatuses)
      .optional()
      .describe(
        "Statuses (204) and classes (2xx) that pass a check of type http; default: 2xx. Redirects are not followed",
      ),
    timeout: duration(10, 60_000).default("1s").describe("Time that one attempt may take; default: 1s"),
    interval: duration(100, 300_000)
      .optional()
      .describe(
        "Time between attempts while the container runs; default: 10s. Before it is ready for the first time attempts follow quickly, those of a startup check at this interval if one is given",
      ),
    attempts_before_failure: z
      .int()
      .min(1)
      .max(100)
      .optional()
      .describe("Failures in a row that make a ready or health check fail; default: 3"),
    grace_period: duration(0, 3_600_000)
      .optional()
      .describe("Failures of a ready or health check are ignored for this long after the start; default: 0"),
    kind: z
      .enum(["startup", "ready", "health"])
      .describe(
        "`startup`: the other kinds wait until it has passed once. `ready`: while it fails there is no traffic. `health`: when it fails the container is stopped and started again",
      ),
  })
  .superRefine((value, context) => {
    const refuse = (path: string[], message: string) => context.addIssue({ code: "custom", path, message });
    if (value.type === "http" && value.http === undefined) {
      refuse(["http"], 'is required for a check of type "http"');
    }
    if (value.type === "tcp" && value.http !== undefined) {
      refuse(["http"], 'is only for checks of type "http"');
    }
    if (value.type === "tcp" && value.expect_status !== undefined) {
      refuse(["expect_status"], 'is only for checks of type "http"');
    }
    const method = value.http?.method;
    if (value.http?.body === undefined && (method === "POST" || method === "PATCH" || method === "PUT")) {
      refuse(["http", "body"], `is required for ${method}`);
    }
    if (value.http?.body !== undefined && (method === "GET" || method === "HEAD")) {
      refuse(["http", "body"], `is not allowed for ${method}`);
    }
    if (value.kind === "startup") {
      for (const field of ["attempts_before_failure", "grace_period"] as const) {
        if (value[field] === undefined) continue;
        refuse([field], "is not for startup checks: configuration.startup_deadline says how long they may take");
      }
    }
  });

export type Check = z.output<typeof check>;

/** Lengths of time around a placement that checks and stops keep to. */
export const lifecycleFields = {
  startup_deadline: duration(1_000, 3_600_000)
    .optional()
    .describe(
      "A container that has not started, and passed its startup checks, this long after its launch is ended; default: 120s",
    ),
  drain_timeout: duration(0, 900_000)
    .optional()
    .describe("In a stop, requests, streams and WebSockets under way may take this long before SIGTERM; default: 5s"),
  stop_grace: duration(0, 900_000).optional().describe("Time from SIGTERM to SIGKILL in a stop; default: 10s"),
  hard_timeout: duration(1_000, 2_592_000_000)
    .optional()
    .describe("A container gets its SIGTERM this long after its launch, busy or not; default: never"),
  sleep_after: duration(1_000, 604_800_000)
    .optional()
    .describe("A named instance that has nothing under way for this long is stopped until it is called; default: 10m"),
  max_hold: duration(0, 18_000_000)
    .optional()
    .describe(
      "A container that says through the bridge that it is busy is spared sleep, rollouts and scale-down for so long; default: 1h",
    ),
};
