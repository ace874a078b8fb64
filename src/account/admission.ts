/**
 * What every request of the control API passes in its account: is the token good, may it do this, is it within its
 * rate, was it done before. One call answers all of it, and has written the audit row when it lets a write through.
 */
import type { Credential } from "../api/credentials.ts";
import { allows, mayReach, OPERATOR, scopeOf, type Actor, type Need } from "../api/scopes.ts";
import type { Database } from "../database.ts";
import type { RequestCount } from "../metrics/request-counts.ts";
import type { ErrorCode, ErrorDetails } from "../errors.ts";
import { findApplication } from "./applications.ts";
import { beginAudit, recordDenied, type AuditDraft } from "./audit.ts";
import { applyCompletions, type Completion } from "./completion.ts";
import { claimKey, storedKey } from "./idempotency.ts";
import { ownBeforehand } from "./owners.ts";
import { DEFAULT_REQUESTS_PER_SECOND, type RateLimiter } from "./rate-limit.ts";
import { verifyToken } from "./tokens.ts";

export interface AdmissionRequest {
  readonly requestId: string;
  readonly credential: Credential;
  readonly scope: Need;
  readonly method: string;
  readonly path: string;
  readonly isWrite: boolean;
  /** Id or name that the path's `/applications/{id}` carries; null when it has none. */
  readonly application: string | null;
  readonly idempotency: { readonly key: string; readonly fingerprint: string } | null;
  readonly address: string | null;
  /** Whose the thing is that this write makes; null when nobody's. */
  readonly owner?: string | null;
  /** What the Worker has answered in this account since it last told. */
  readonly answered?: readonly RequestCount[];
  /** What came of earlier writes. */
  readonly completions?: readonly Completion[];
}

export type Admission =
  | {
      readonly outcome: "admitted";
      readonly actor: Actor;
      readonly application: { readonly id: string; readonly name: string } | null;
      readonly seed: string;
      readonly isRetry: boolean;
      /** 0 for reads. */
      readonly auditId: number;
      /** So many more such reads are let in unasked within the next second; 0 for writes. */
      readonly repeats: number;
    }
  | { readonly outcome: "answered"; readonly answer: string }
  | {
      readonly outcome: "denied";
      readonly code: ErrorCode;
      readonly message: string;
      readonly details: ErrorDetails;
    };

export interface AdmissionDeps {
  readonly db: Database;
  readonly limiter: RateLimiter;
  /** Keys whose first try is under way in this lifetime of the object, and until when that is believed. */
  readonly running: Map<string, number>;
}

export const INVALID_TOKEN = "the token is not valid: it is unknown, revoked or expired";
/** A try that has not ended by then was cut off: the next one goes on where it stopped. */
const RUNNING_MS = 30_000;

export function admit(deps: AdmissionDeps, request: AdmissionRequest, now: number): Admission {
  const { db, limiter, running } = deps;
  applyCompletions(db, running, request.completions ?? []);
  const caller = authenticate(db, request.credential, now);
  if (caller === null) {
    return deny(deps, request, null, "UNAUTHORIZED", INVALID_TOKEN, now);
  }
  const { actor, perSecond } = caller;
  const retryAfter = limiter.take(actor.tokenId ?? "", perSecond, now);
  if (retryAfter > 0) {
    const message = `more than ${perSecond} requests a second: come back after ${retryAfter} s`;
    return deny(deps, request, actor, "RATE_LIMITED", message, now, { retry_after: retryAfter });
  }
  if (!allows(actor.scopes, request.scope)) {
    const message = `this needs a token of scope ${scopeOf(request.scope)}; this one has ${actor.scopes.join(", ")}`;
    return deny(deps, request, actor, "FORBIDDEN", message, now, { scope: scopeOf(request.scope) });
  }
  const application = reach(db, actor, request.application);
  const draft = draftOf(request, actor);
  if (request.idempotency === null) {
    const auditId = request.isWrite ? beginAudit(db, draft, now) : 0;
    const repeats = request.isWrite || caller.endsSoon ? 0 : limiter.lease(actor.tokenId ?? "", perSecond, now);
    const seed = crypto.randomUUID();
    if (request.owner != null) ownBeforehand(db, seed, request.owner, now);
    return { outcome: "admitted", actor, application, seed, isRetry: false, auditId, repeats };
  }
  const key = storedKey(actor, request.idempotency.key);
  const claim = claimKey(db, key, request.idempotency.fingerprint, crypto.randomUUID(), now);
  if (claim.outcome === "answered") return { outcome: "answered", answer: claim.answer };
  if (claim.outcome === "mismatch") {
    const message = "this Idempotency-Key was used with another request: take a new key";
    return deny(deps, request, actor, "IDEMPOTENCY_KEY_REUSED", message, now);
  }
  if ((running.get(key) ?? 0) > now) {
    const message = "a request with this Idempotency-Key is under way: ask again in a moment";
    return deny(deps, request, actor, "IDEMPOTENCY_IN_PROGRESS", message, now);
  }
  running.set(key, now + RUNNING_MS);
  if (request.owner != null) ownBeforehand(db, claim.seed, request.owner, now);
  const auditId = beginAudit(db, draft, now);
  return { outcome: "admitted", actor, application, seed: claim.seed, isRetry: claim.isRetry, auditId, repeats: 0 };
}

interface Caller {
  readonly actor: Actor;
  readonly perSecond: number;
  /** So soon that it must be looked at each time. */
  readonly endsSoon: boolean;
}

/** Longer than a Worker lets a caller in unasked. */
const SOON_MS = 2_000;

function authenticate(db: Database, credential: Credential, now: number): Caller | null {
  if (credential.kind === "operator") {
    return { actor: OPERATOR, perSecond: DEFAULT_REQUESTS_PER_SECOND, endsSoon: false };
  }
  const token = verifyToken(db, credential.tokenId, credential.digest, now);
  if (token === null) return null;
  const { id, name, scopes, applications, rateLimit, expiresAt } = token;
  const actor: Actor = { name: `token ${name} (${id})`, tokenId: id, scopes, applications };
  const endsSoon = expiresAt !== null && expiresAt - now < SOON_MS;
  return { actor, perSecond: rateLimit ?? DEFAULT_REQUESTS_PER_SECOND, endsSoon };
}

/** Out of reach and not there are the same. */
function reach(db: Database, actor: Actor, idOrName: string | null): { id: string; name: string } | null {
  if (idOrName === null) return null;
  const entry = findApplication(db, idOrName);
  // A standalone deployment has routes of its own.
  if (entry === null || entry.kind !== "application" || !mayReach(actor, entry)) return null;
  return { id: entry.id, name: entry.name };
}

function deny(
  { db, limiter }: AdmissionDeps,
  request: AdmissionRequest,
  actor: Actor | null,
  code: ErrorCode,
  message: string,
  now: number,
  details: ErrorDetails = {},
): Admission {
  if (request.isWrite) recordDenied(db, limiter, draftOf(request, actor), code, now);
  return { outcome: "denied", code, message, details };
}

function draftOf(request: AdmissionRequest, actor: Actor | null): AuditDraft {
  const { requestId, credential, method, path, address, idempotency } = request;
  return {
    requestId,
    actor: actor?.name ?? "unknown",
    tokenId: credential.kind === "token" ? credential.tokenId : null,
    method,
    path,
    address,
    idempotencyKey: idempotency?.key ?? null,
  };
}
