/**
 * Calls of containers to other applications of their account, by internal name or by allocated address. They take the way
 * of a call through a binding: ingress modes and network modes are not asked, a ready member is waited for, and a rollout
 * fails none of them. Which applications may be called is the policy of the caller's own application.
 */
import { FROM_OUTSIDE, type Access, type Called, type Inside } from "../../containers/access.ts";
import { callPool } from "../../containers/ingress.ts";
import { callInstanceAt } from "../../containers/instance-address.ts";
import { CALLER_HEADER, VIA_HEADER } from "../../containers/refusal.ts";
import { refusalAnswer } from "../../containers/refusal-answer.ts";
import { applicationKey } from "../../containers/routing-cache.ts";
import { GantryError } from "../../errors.ts";
import { callerHeader, type InternalCaller } from "./identity.ts";
import { refuseLoop, viaHeader, viaOf } from "./loops.ts";
import { whileOpen } from "./open-calls.ts";
import type { InternalTarget } from "./target.ts";

/** In the policy: every application of the account. */
const EVERY = "*";

/** `internal`: names of the applications that the caller's policy lets it call. Errors are answers. */
export async function callInternal(
  request: Request,
  target: InternalTarget,
  caller: InternalCaller,
  internal: readonly string[],
  env: Env,
  ctx: ExecutionContext,
): Promise<Response> {
  try {
    if (target.kind === "nothing") {
      const { host, why } = target;
      throw new GantryError("VALIDATE_INPUT", `${host} is no internal name: ${why}`, { [host]: why });
    }
    refuseBeforehand(request, target, caller, internal);
    const access = { ...FROM_OUTSIDE, isTrusted: true, inside: insideOf(request, target, caller, internal) };
    return await whileOpen(caller.instance, async () => await call(request, target, caller, access, env, ctx));
  } catch (error) {
    return refusalAnswer(error, request.method);
  }
}

type Target = Exclude<InternalTarget, { kind: "nothing" }>;

async function call(
  request: Request,
  target: Target,
  { accountId }: InternalCaller,
  access: Access,
  env: Env,
  ctx: ExecutionContext,
): Promise<Response> {
  const { port } = target;
  switch (target.kind) {
    case "application": {
      const application = applicationKey(accountId, target.application, env);
      const pool = { application, prefix: null, ...(port === null ? {} : { port }) };
      return await callPool(pool, request, env, ctx, access);
    }
    case "instance": {
      const { application, instance } = target;
      return await callInstanceAt(
        { application, account: accountId, instance, port, prefix: "" },
        request,
        env,
        access,
      );
    }
    case "address": {
      return await callInstanceAt({ address: target.address, port }, request, env, access);
    }
  }
}

/** What is denied whoever it is for is denied without asking who that is: nobody finds out so what there is. */
function refuseBeforehand(request: Request, target: Target, caller: InternalCaller, internal: readonly string[]): void {
  if (target.kind === "address" ? internal.length === 0 : !isAllowed(internal, target.application)) {
    throw denied(request, caller, target.kind === "address" ? null : target.application);
  }
}

/** What is asked and told of each try, once it is known which application it is. */
function insideOf(request: Request, target: Target, caller: InternalCaller, internal: readonly string[]): Inside {
  const via = viaOf(request.headers);
  return {
    admit: (called: Called) => {
      // An address of another account is as one that nobody has.
      if (called.accountId !== caller.accountId) {
        const address = target.kind === "address" ? target.address : target.application;
        throw new GantryError("INSTANCE_NOT_FOUND", `no instance has the address ${address}`, { address });
      }
      if (!isAllowed(internal, called.name)) throw denied(request, caller, called.name);
      refuseLoop(via, called.name);
    },
    headers: { [CALLER_HEADER]: callerHeader(caller), [VIA_HEADER]: viaHeader(via, caller.application) },
  };
}

function isAllowed(internal: readonly string[], application: string): boolean {
  return internal.includes(application) || internal.includes(EVERY);
}

/** `called`: null while it is not known which application has the address. */
function denied(request: Request, caller: InternalCaller, called: string | null): GantryError {
  const host = new URL(request.url).hostname.slice(0, 253);
  const { application, instance } = caller;
  const fix = called === null ? "the name of the application that has it" : JSON.stringify(called);
  const message = `${application} may not call ${host}: add ${fix} to egress.internal of ${application}`;
  return new GantryError("EGRESS_DENIED", message, {
    host,
    rule: "internal",
    reason: "not_allowed",
    application,
    instance,
    ...(called === null ? {} : { called }),
  });
}
