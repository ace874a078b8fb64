/**
 * How an Instance tells the Worker that it did not get an answer for a request, apart from any answer of the
 * application: a header that is removed from everything the application itself sends.
 */

export const REFUSED_HEADER = "gantry-refused";
/** Which instance answered; on every answer through ingress. */
export const INSTANCE_HEADER = "gantry-instance";
/**
 * What an instance has under way as it answers, the answer only if it goes on, on its answers to ingress, which takes it
 * off. Absent: nothing, so that an answer of an idle one passes as it is.
 */
export const LOAD_HEADER = "gantry-load";
/** Which port of the container a request is for; without it, the first. Set by ingress only. */
export const PORT_HEADER = "gantry-port";

/** On a request that means that instance and no other, or that another one of the pool has handed on. */
export const DIRECT_HEADER = "gantry-direct";
export const DIRECT = { named: "named", handedOn: "handed-on" } as const;

/** A WebSocket that is a terminal inside the container. Set for callers through a binding only. */
export const TERMINAL_HEADER = "gantry-terminal";

/** A WebSocket that is a tunnel to the container's SSH server: the grant for it. Set by `api/ssh-tunnel.ts` only. */
export const SSH_HEADER = "gantry-ssh";

/** On a request that is a task: its id, and which try of it this is. Set by tasks only. */
export const TASK_HEADER = "gantry-task";
export const TASK_TRY_HEADER = "gantry-task-try";

/** On a request that a container of the same account has sent: which one. Set by the gateway of containers only. */
export const CALLER_HEADER = "gantry-caller";
/** And the applications that it has come through, as far as they pass it on. */
export const VIA_HEADER = "gantry-via";

/** On what a bound Worker gets when no application has answered: the code, and whether another try can do no harm. */
export const ERROR_HEADER = "gantry-error";
export const RETRYABLE_HEADER = "gantry-retryable";
/** Never of an application: a caller would take its answer for no answer, and might ask again. */
export const GANTRY_ONLY = [REFUSED_HEADER, ERROR_HEADER, RETRYABLE_HEADER, LOAD_HEADER] as const;

const REFUSALS = ["not-ready", "closed", "not-listening", "unreachable"] as const;

/**
 * - `not-ready`: the request was not sent to the container
 * - `closed`: nor was it; whoever sent it does not know yet that requests go to another version
 * - `not-listening`: nothing has ever listened on its port, and waiting will not help
 * - `unreachable`: the request may have been sent
 */
export type Refusal = (typeof REFUSALS)[number];

/** The container has not seen the request. */
export function isUnsent(refusal: Refusal): refusal is "not-ready" | "closed" {
  return refusal === "not-ready" || refusal === "closed";
}

export function refuse(refusal: Refusal): Response {
  return new Response(null, { status: 503, headers: { [REFUSED_HEADER]: refusal } });
}

export function refusalOf(response: Response): Refusal | null {
  const value = response.headers.get(REFUSED_HEADER);
  return REFUSALS.find((refusal) => refusal === value) ?? null;
}
