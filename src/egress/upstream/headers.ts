/** Headers that belong to a connection, or to Gantry, and go no further. */

/** What Gantry says to itself; nobody outside hears it, and nobody outside can say it. */
const OWN_PREFIX = "gantry-";

/** Of one connection and not of a message (RFC 9110, 7.6.1), and what the runtime makes anew for each. */
const OF_A_CONNECTION = [
  "connection",
  "keep-alive",
  "proxy-connection",
  "proxy-authenticate",
  "proxy-authorization",
  "te",
  "trailer",
  "transfer-encoding",
] as const;

/** Whether this is the beginning of a WebSocket. */
export function isUpgrade(headers: Headers): boolean {
  return headers.get("upgrade")?.toLowerCase() === "websocket";
}

/** In place. `connection` names more that is of the connection alone. */
export function dropOwn(headers: Headers): void {
  const named = (headers.get("connection") ?? "").split(",").map((name) => name.trim().toLowerCase());
  const upgrades = isUpgrade(headers);
  for (const name of [...OF_A_CONNECTION, ...named]) {
    if (/^[\w!#$%&'*+.^`|~-]+$/.test(name) && !(name === "upgrade" && upgrades)) headers.delete(name);
  }
  if (!upgrades) headers.delete("upgrade");
  // Whoever deletes while going through them skips some.
  const names = [...headers.keys()];
  for (const name of names) if (name.startsWith(OWN_PREFIX)) headers.delete(name);
}
