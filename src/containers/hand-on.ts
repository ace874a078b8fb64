/**
 * What an instance that takes no more requests to the pool does with one that its sender cannot send twice, since its body
 * is streamed: it sends it on itself, so that no upload fails because requests were handed on to another version.
 */
import type { Routing } from "../orchestrator/routing.ts";
import { applicationStub, instanceStub } from "../stubs.ts";
import { QUEUE_DEADLINE_MS } from "./access.ts";
import { DIRECT, DIRECT_HEADER, refuse } from "./refusal.ts";

export async function handOn(request: Request, applicationId: string, env: Env): Promise<Response> {
  // Once: who gets it then is as good as who sent it.
  if (request.headers.has(DIRECT_HEADER)) return refuse("closed");
  const routing: Routing | null = await applicationStub(env, applicationId).routing(QUEUE_DEADLINE_MS);
  const members = routing?.members ?? [];
  const member = members[Math.floor(Math.random() * members.length)];
  if (member === undefined) return refuse("closed");
  const next = new Request(request);
  next.headers.set(DIRECT_HEADER, DIRECT.handedOn);
  return await instanceStub(env, member.deploymentId).fetch(next);
}
