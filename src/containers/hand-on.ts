/**
 * What an instance that takes no more requests to the pool does with one: its sender tries again elsewhere. Where it cannot,
 * since a body is streamed once, the instance sends it on itself, so that nobody's upload fails because requests were handed
 * on to another version while it came.
 */
import type { Routing } from "../orchestrator/routing.ts";
import { applicationStub, instanceStub } from "../stubs.ts";
import { QUEUE_DEADLINE_MS } from "./access.ts";
import { DIRECT, DIRECT_HEADER, refuse } from "./refusal.ts";
import { isReplayable } from "./replay.ts";

export async function handOn(request: Request, applicationId: string, env: Env): Promise<Response> {
  // Once: who gets it then is as good as who sent it.
  if (isReplayable(request) || request.headers.has(DIRECT_HEADER)) return refuse("closed");
  const routing: Routing | null = await applicationStub(env, applicationId).routing(QUEUE_DEADLINE_MS);
  const members = routing?.members ?? [];
  const member = members[Math.floor(Math.random() * members.length)];
  if (member === undefined) return refuse("closed");
  const next = new Request(request);
  next.headers.set(DIRECT_HEADER, DIRECT.handedOn);
  return await instanceStub(env, member.deploymentId).fetch(next);
}
