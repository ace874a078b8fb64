/**
 * Which instance gets the next request: the less loaded of two random ones, by what this isolate has under way. Two
 * choices are nearly as even as all, and need no shared state.
 */
import type { RoutingMember } from "../orchestrator/routing.ts";

const underWay = new Map<string, number>();

export function begin(member: RoutingMember): void {
  underWay.set(member.deploymentId, load(member) + 1);
}

export function end(member: RoutingMember): void {
  const left = load(member) - 1;
  if (left > 0) underWay.set(member.deploymentId, left);
  else underWay.delete(member.deploymentId);
}

export function load(member: RoutingMember): number {
  return underWay.get(member.deploymentId) ?? 0;
}

/** Undefined when every member was tried. */
export function pick(
  members: readonly RoutingMember[],
  tried: ReadonlySet<string>,
  random: () => number = Math.random,
): RoutingMember | undefined {
  const open = tried.size === 0 ? members : members.filter((member) => !tried.has(member.deploymentId));
  if (open.length <= 1) return open[0];
  const first = Math.floor(random() * open.length);
  // Any other one, evenly.
  const second = (first + 1 + Math.floor(random() * (open.length - 1))) % open.length;
  const [a, b] = [open[first], open[second]];
  if (a === undefined || b === undefined) return a ?? b;
  return load(b) < load(a) ? b : a;
}
