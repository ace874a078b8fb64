/** The bridge's router on real objects, and its way in from outside. */
import { bearerToken } from "../api/credentials.ts";
import { serviceBinding } from "../bindings.ts";
import type { EgressState } from "../containers/egress-state.ts";
import { secretsOf } from "../egress/upstream/answer.ts";
import { credentialStates } from "../egress/upstream/credential-states.ts";
import { GantryError } from "../errors.ts";
import { masterKeys } from "../sealing.ts";
import { applicationStub, instanceStub, publicInstanceId } from "../stubs.ts";
import { enqueue } from "./enqueue.ts";
import { callFunction, type FunctionMessage } from "./functions.ts";
import type { BridgeReply } from "./messages.ts";
import { bridgeError, serveBridge, type BridgeDeps, type BridgeTarget } from "./router.ts";
import { workloadOf } from "./token.ts";

/** Where the bridge is for whoever is not inside a container. */
const PREFIX = "/bridge";

/** A changed binding counts after this long. */
const REMEMBERED_MS = 2_000;
const MAX_REMEMBERED = 1_000;
const targets = new Map<string, { readonly target: BridgeTarget; readonly until: number }>();

export function isBridgePath(pathname: string): boolean {
  return pathname.startsWith(`${PREFIX}/`);
}

export async function serveBridgeOutside(request: Request, env: Env): Promise<Response> {
  const token = bearerToken(request.headers.get("authorization"));
  try {
    const workload = token === null ? null : workloadOf(masterKeys(env), token);
    if (workload === null) {
      const message = "the bridge takes the token of a placement: its container finds it in GANTRY_BRIDGE_TOKEN";
      throw new GantryError("UNAUTHORIZED", message, {});
    }
    const path = new URL(request.url).pathname.slice(PREFIX.length);
    return await serveBridge(request, { workload, isToken: true }, bridgeDeps(env), path);
  } catch (error) {
    return bridgeError(error);
  }
}

export function bridgeDeps(env: Env): BridgeDeps {
  return {
    tell: async ({ workload: { deploymentId, generation }, isToken }, message) => {
      const reply: BridgeReply = await instanceStub(env, deploymentId).bridge({ generation, isToken }, message);
      return reply;
    },
    target: async (applicationId) => await targetOf(env, applicationId),
    credentials: async ({ deploymentId, generation }) => {
      const state: EgressState = await instanceStub(env, deploymentId).egress(generation, null);
      return await credentialStates(state.policy?.credentials ?? [], secretsOf(env, state.accountId));
    },
    publicId: (deploymentId) => publicInstanceId(env, deploymentId),
    enqueue: async (applicationId, target, task) => await enqueue(env, applicationId, target, task),
    call: async (binding, message) => {
      const target = serviceBinding(env, binding);
      if (target === null) {
        const text = `the control plane has no service binding ${binding} any more`;
        throw new GantryError("NO_BRIDGE_TARGET", text, { binding });
      }
      // A stub takes any method's name; whether there is such a method is seen when it is called.
      const callable = target as unknown as { bridgeCall(message: FunctionMessage): Promise<unknown> };
      return await callFunction(callable, binding, message);
    },
  };
}

/** Known for moments, so that a function's call asks no scheduler when another has just been made. */
async function targetOf(env: Env, applicationId: string): Promise<BridgeTarget> {
  const known = targets.get(applicationId);
  if (known !== undefined && known.until > Date.now()) return known.target;
  const target: BridgeTarget | null = await applicationStub(env, applicationId).bridgeTarget();
  if (target === null) throw new GantryError("APPLICATION_NOT_FOUND", "there is no such application any more", {});
  if (targets.size >= MAX_REMEMBERED) targets.clear();
  targets.set(applicationId, { target, until: Date.now() + REMEMBERED_MS });
  return target;
}
