/** Bodies about rollouts, whose fields have to agree with each other. */
import type { Random } from "../simulation/random.ts";

const CHECK = { name: "deep", type: "check", path: "/health", expect_status: [200, 204], interval: 1, timeout: 1 };
const GATES: readonly [readonly object[], ...(readonly object[])[]] = [
  [CHECK],
  [CHECK, { ...CHECK, name: "shown", port: 8_080, dry_run: true }],
  [{ name: "errors", type: "error_rate", max_ratio: 0.05, min_requests: 5, interval: 1 }],
];

/** Something can be replaced, and be healthy in time. */
export function repairPolicy(policy: Record<string, unknown>, random: Random): void {
  if (policy["max_surge"] !== undefined) policy["max_surge"] = random.chance(0.5) ? random.between(1, 3) : "50%";
  if (policy["min_healthy_time"] !== undefined) policy["min_healthy_time"] = random.between(0, 5);
  if (policy["progress_deadline"] !== undefined) {
    policy["progress_deadline"] = random.chance(0.2) ? null : random.between(10, 600);
  }
}

export function repairRollout(body: Record<string, unknown>, random: Random): void {
  repairPolicy(body, random);
  const { strategy } = body;
  for (const field of ["steps", "step_percentage", "percentage"]) delete body[field];
  const hasGates = body["gates"] !== undefined;
  delete body["gates"];
  if (strategy !== "new_instances") delete body["sticky"];
  else if (body["sticky"] !== undefined) body["sticky"] = random.chance(0.5) ? { cookie: true } : { header: "X-User" };
  if (strategy === "blue_green") {
    for (const field of ["max_surge", "max_unavailable"]) delete body[field];
    if (hasGates) body["gates"] = GATES[0];
    return;
  }
  if (strategy === "new_instances" && random.chance(0.5)) body["percentage"] = random.between(0, 100);
  else if (random.chance(0.5)) body["step_percentage"] = random.between(1, 99);
  else {
    const first = random.between(1, 99);
    body["steps"] = [first, 100].map((percentage) => ({ step_size: { percentage }, description: `${percentage} %` }));
  }
  if (hasGates) body["gates"] = random.pick(GATES);
}
