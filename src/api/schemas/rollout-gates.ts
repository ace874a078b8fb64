/** `gates[]`: what is measured when the instances of a step are healthy, before a rollout goes on. */
import * as z from "zod";
import { duration } from "./duration.ts";

export const MAX_GATES = 10;

const OF_TYPE = {
  error_rate: ["max_ratio", "min_requests"],
  webhook: ["url"],
  check: ["path", "port", "expect_status"],
} as const;
const REQUIRED = { error_rate: ["max_ratio"], webhook: ["url"], check: ["path"] } as const;

export const DEFAULT_GATE = {
  interval: 10,
  count: 1,
  failureLimit: 0,
  timeout: 10,
  minRequests: 1,
  /** None: every one from 200 to 399. */
  expectStatus: [],
} as const;

export const gate = z
  .strictObject({
    name: z
      .string()
      .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/, "must be 1 to 63 letters, digits, _, - or .")
      .describe("How events and measurements name it; unique in its rollout"),
    type: z
      .enum(["error_rate", "webhook", "check"])
      .describe(
        "`error_rate`: the share of requests to the target version that end with 5xx. `webhook`: a URL is asked. `check`: each instance at the target is asked",
      ),
    max_ratio: z.number().min(0).max(1).optional().describe("Of an error rate: the share that still passes, 0 to 1"),
    min_requests: z
      .int()
      .min(1)
      .max(1_000_000)
      .optional()
      .describe("Of an error rate: of fewer requests nothing is known, which is inconclusive; default: 1"),
    url: z
      .url({ protocol: /^https?$/, error: "must be an http or https URL" })
      .max(2_048)
      .optional()
      .describe("Of a webhook: it gets a POST with the rollout as JSON"),
    path: z.string().startsWith("/").max(2_048).optional().describe("Of a check: path and query of the request"),
    port: z.int().min(1).max(65_535).optional().describe("Of a check: the port that is asked; default: the first one"),
    expect_status: z
      .array(z.int().min(100).max(599))
      .min(1)
      .max(16)
      .optional()
      .describe("Of a check: statuses that pass; default: 200 to 399"),
    interval: duration(100, 3_600_000)
      .default(DEFAULT_GATE.interval)
      .describe("Time between one measurement and the next; default: 10s"),
    count: z
      .int()
      .min(1)
      .max(50)
      .default(DEFAULT_GATE.count)
      .describe("So many measurements that pass are enough; default: 1"),
    failure_limit: z
      .int()
      .min(0)
      .max(47)
      .default(DEFAULT_GATE.failureLimit)
      .describe("More measurements than so many that fail, and the rollout has failed; default: 0"),
    timeout: duration(100, 60_000)
      .default(DEFAULT_GATE.timeout)
      .describe("A measurement that takes longer is inconclusive; default: 10s"),
    dry_run: z
      .boolean()
      .default(false)
      .describe("`true`: it is measured and shown, and decides nothing; default: false"),
  })
  .superRefine((value, context) => {
    const refuse = (field: string, message: string) => context.addIssue({ code: "custom", path: [field], message });
    for (const field of REQUIRED[value.type]) {
      if (value[field as keyof typeof value] === undefined)
        refuse(field, `is required for a gate of type ${value.type}`);
    }
    if (value.url !== undefined && /^https?:\/\/[^/?#]*@/i.test(value.url)) {
      refuse("url", "must have no user and password: put what proves who asks into its path or query");
    }
    for (const [type, fields] of Object.entries(OF_TYPE)) {
      if (type === value.type) continue;
      for (const field of fields) if (value[field] !== undefined) refuse(field, `is only for gates of type ${type}`);
    }
  });

export type GateBody = z.output<typeof gate>;
