/** The entrypoint's side of an address: what the SDK put into it, read back. */
import { CALL_HEADER, type CallHeader } from "../binding.ts";

export interface Addressed {
  readonly application: string;
  readonly call: CallHeader;
  readonly id: string | undefined;
  readonly port: number | undefined;
  /** As the container sees it. */
  readonly path: string;
}

const APPLICATION = /^\/a\/(?<application>[^/]+)(?<rest>\/.*)$/;
const INSTANCE = /^\/@(?<id>[^/]*)(?<rest>\/.*)$/;
const PORT = /^\/:(?<port>\d+)(?<rest>\/.*)$/;

/** Null for what is no address of the SDK. A part is taken off only where the header says that it is there. */
export function readAddress(request: Request): Addressed | null {
  const url = new URL(request.url);
  const found = APPLICATION.exec(url.pathname)?.groups;
  const header = request.headers.get(CALL_HEADER);
  if (found === undefined || header === null) return null;
  const call = JSON.parse(header) as CallHeader;
  let rest = found["rest"] as string;
  let id: string | undefined;
  if (call.mode === "get" || call.mode === "terminal") {
    const named = INSTANCE.exec(rest)?.groups;
    if (named === undefined) return null;
    id = decodeURIComponent(named["id"] as string);
    rest = named["rest"] as string;
  }
  if (call.port !== undefined) rest = PORT.exec(rest)?.groups?.["rest"] ?? rest;
  return { application: found["application"] as string, call, id, port: call.port, path: `${rest}${url.search}` };
}
