/** SSH into an instance's container: whether it can be had, and the tunnel to its server. */
import { errorResponse } from "../api/envelope.ts";
import type { Database } from "../database.ts";
import { GantryError } from "../errors.ts";
import { readGrant, type Grant } from "../grant.ts";
import { masterKeys } from "../sealing.ts";
import type { InFlight } from "./in-flight.ts";
import type { CommandPort, ContainerPort } from "./port.ts";
import type { RunRecord } from "./run-record.ts";
import { serveTunnel } from "./tunnel.ts";
import { useGrant } from "./used-grants.ts";

export type SshAccess =
  | { readonly state: "open"; readonly generation: number; readonly port: number }
  | { readonly state: "not-running" | "not-enabled" }
  | { readonly state: "not-listening"; readonly port: number };

type Port = Pick<ContainerPort, "accepts" | "running">;

/** A port that accepts nothing within this has nobody listening. */
const LISTENS_MS = 1_000;

/** Nobody is started for it. One that is not ready is let into all the same: that is when it is looked at. */
export async function sshAccess(record: RunRecord | null, port: Port): Promise<SshAccess> {
  if (!isThere(record, port)) return { state: "not-running" };
  const { sshPort, generation } = record;
  if (sshPort === undefined) return { state: "not-enabled" };
  const isListening = await port.accepts(sshPort, LISTENS_MS);
  return isListening ? { state: "open", generation, port: sshPort } : { state: "not-listening", port: sshPort };
}

/** Whom a grant lets in where, and on whose word. */
export interface SshClaims {
  readonly accountId: string;
  readonly deploymentId: string;
  readonly generation: number;
  readonly actor: string;
  readonly tokenId: string | null;
}

export function toClaims({ accountId, deploymentId, generation, actor, tokenId }: SshClaims): string[] {
  return [accountId, deploymentId, String(generation), actor, tokenId ?? ""];
}

export function fromClaims({ claims }: Grant): SshClaims {
  const [accountId = "", deploymentId = "", generation = "", actor = "", tokenId = ""] = claims;
  return { accountId, deploymentId, generation: Number(generation), actor, tokenId: tokenId === "" ? null : tokenId };
}

export interface TunnelDeps {
  readonly db: Database;
  readonly env: Env;
  readonly port: Port & Pick<CommandPort, "connect">;
  readonly record: RunRecord | null;
  /** A session is a request under way: its container is not put to sleep, and a drain waits for it. */
  readonly inFlight: Pick<InFlight, "begin" | "end">;
}

/** Asks for the grant itself, whoever has sent the request. */
export async function serveSsh(deps: TunnelDeps, token: string): Promise<Response> {
  try {
    const reading = await readGrant(masterKeys(deps.env), "gantry-ssh-v1", token, Date.now());
    if (reading.outcome !== "good") throw notGood();
    return new Response(null, { status: 101, webSocket: openTunnel(deps, reading.grant) });
  } catch (error) {
    return errorResponse(error);
  }
}

function openTunnel({ db, port, record, inFlight }: TunnelDeps, grant: Grant): WebSocket {
  const { deploymentId, generation } = fromClaims(grant);
  const isMeant = isThere(record, port) && record.deploymentId === deploymentId && record.generation === generation;
  if (!isMeant || record.sshPort === undefined) {
    throw new GantryError("SSH_NOT_AVAILABLE", "the container that this token is for does not run any more: ask again");
  }
  if (!useGrant(db, grant, Date.now())) throw notGood();
  const { 0: client, 1: server } = new WebSocketPair();
  const connection = port.connect(record.sshPort);
  inFlight.begin();
  serveTunnel(connection, server, () => inFlight.end());
  return client;
}

export function notGood(): GantryError {
  const message = "the token for the tunnel is not valid: it holds for one connection, within a minute of being given";
  return new GantryError("UNAUTHORIZED", message);
}

function isThere(record: RunRecord | null, port: Pick<ContainerPort, "running">): record is RunRecord {
  return record !== null && port.running && (record.phase === "starting" || record.phase === "running");
}
