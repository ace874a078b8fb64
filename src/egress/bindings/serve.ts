/**
 * `r2.`, `kv.` and `do.gantry.internal`: bindings of the control plane, for containers whose policy grants them. Nothing
 * of a binding is touched before the grant was found, and nobody learns of bindings that are not granted.
 */
import { refusalAnswer } from "../../containers/refusal-answer.ts";
import { GantryError } from "../../errors.ts";
import type { InternalCaller } from "../internal/identity.ts";
import type { BindingGrant } from "../policy/policy.ts";
import { addressOf, type Address } from "./address.ts";
import { callObject } from "./durable-objects.ts";
import { explained } from "./failures.ts";
import { grantedPrefix, grantsOfInstance, requireGrant, shown, type Access } from "./grants.ts";
import { bindingProblem, boundTo, type BindingType, type Bound } from "./known.ts";
import { serveKv } from "./kv.ts";
import { serveR2 } from "./r2.ts";

/** One request, with what its grants say to it. */
export interface BindingCall {
  readonly request: Request;
  readonly url: URL;
  readonly address: Address;
  /** Throws where it is not granted. */
  readonly authorize: (access: Access) => void;
  /** What a list of this prefix lists. */
  readonly listed: (prefix: string) => string;
}

export async function serveBinding(
  request: Request,
  caller: InternalCaller,
  grants: readonly BindingGrant[],
  env: Env,
): Promise<Response> {
  try {
    return await answer(request, caller, grantsOfInstance(grants, caller.name), env);
  } catch (error) {
    const refusal = refusalAnswer(error, request.method);
    // Of what is not read any more, nothing is held.
    await request.body?.cancel().catch(() => undefined);
    return request.method === "HEAD" ? new Response(null, refusal) : refusal;
  }
}

async function answer(
  request: Request,
  caller: InternalCaller,
  grants: readonly BindingGrant[],
  env: Env,
): Promise<Response> {
  const url = new URL(request.url);
  const address = addressOf(url);
  const { type, binding, key } = address;
  const call: BindingCall = {
    request,
    url,
    address,
    authorize: (access) => requireGrant(grants, { type, binding, key, access }),
    listed: (prefix) => grantedPrefix(grants, { type, binding, key: prefix, access: "read" }),
  };
  try {
    switch (type) {
      case "r2": {
        return await serveR2(call, () => granted("r2", binding, env));
      }
      case "kv": {
        return await serveKv(call, () => granted("kv", binding, env));
      }
      case "do": {
        return await callObject(call, caller, () => granted("do", binding, env));
      }
    }
  } catch (error) {
    throw explained(error, address);
  }
}

function granted<Type extends BindingType>(type: Type, binding: string, env: Env): Bound[Type] {
  const bound = boundTo(type, binding, env);
  if (bound !== null) return bound;
  const problem = bindingProblem({ type, binding }, env) ?? "";
  const message = `binding ${shown(binding)}, which the application is granted, ${problem}`;
  throw new GantryError("BINDING_NOT_AVAILABLE", message, { type, binding: shown(binding) });
}
