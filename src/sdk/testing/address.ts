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

const PREFIX = /^\/a\/(?<application>[^/]+)(?:\/@(?<id>[^/]+))?(?:\/:(?<port>\d{1,5}))?(?=\/|$)/;

/** Null for what is no address of the SDK. */
export function readAddress(request: Request): Addressed | null {
  const url = new URL(request.url);
  const found = PREFIX.exec(url.pathname);
  const header = request.headers.get(CALL_HEADER);
  if (found === null || header === null) return null;
  const { application = "", id, port } = found.groups ?? {};
  return {
    application: decodeURIComponent(application),
    call: JSON.parse(header) as CallHeader,
    id: id === undefined ? undefined : decodeURIComponent(id),
    port: port === undefined ? undefined : Number(port),
    path: `${url.pathname.slice(found[0].length) || "/"}${url.search}`,
  };
}
