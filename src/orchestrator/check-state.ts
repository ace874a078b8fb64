/** How a check of an instance stands. Kept by the instance, told with its reports, shown with the instance. */

/** Of the proof that a policy holds. */
export const EGRESS_CHECK = "egress";

export type CheckKind = "startup" | "ready" | "health";

export interface CheckState {
  readonly name: string;
  readonly kind: CheckKind;
  /** `pending`: not passed yet, and too early to say that it fails. */
  readonly state: "pending" | "passing" | "failing";
  /** Since when, epoch ms. */
  readonly since: number;
  /** What the attempt said that made it fail, else null. */
  readonly detail: string | null;
}

export function sameVerdicts(a: readonly CheckState[], b: readonly CheckState[]): boolean {
  return a.length === b.length && a.every((check, index) => isSame(check, b[index]));
}

/** Those that have changed to or from failing: what people are told of. A first pass is no news. */
export function turnedChecks(before: readonly CheckState[], after: readonly CheckState[]): CheckState[] {
  return after.filter((check) => {
    const earlier = before.find(({ name }) => name === check.name)?.state ?? "pending";
    return earlier !== check.state && (check.state === "failing" || earlier === "failing");
  });
}

function isSame(a: CheckState, b: CheckState | undefined): boolean {
  return a.name === b?.name && a.state === b.state && a.since === b.since;
}
