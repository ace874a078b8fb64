/** Headers that nobody sets on a request of a container: they belong to the connection, or to Gantry. */

const TOKEN = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$/;
const UNSETTABLE =
  /^(?:host|content-length|transfer-encoding|connection|upgrade|expect|te|trailer|keep-alive|proxy-.*|gantry-.*|cf-.*|cdn-loop)$/;

export function isHeaderName(name: string): boolean {
  return TOKEN.test(name);
}

export function isSettableHeader(name: string): boolean {
  return !UNSETTABLE.test(name.toLowerCase());
}
