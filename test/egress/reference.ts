/**
 * The evaluator once more, in the plainest way: each rule is looked at, addresses are numbers of 128 bits, and nothing is
 * shared with the one that it is held against but the types. Where the two differ, one of them is wrong.
 */
import { isUtf8 } from "node:buffer";
import type { Asked, DenyReason } from "../../src/egress/policy/decision.ts";
import type { EgressPolicy, EgressRule } from "../../src/egress/policy/policy.ts";

export type Verdict =
  | { readonly allowed: false; readonly reason: DenyReason; readonly rule: string | null }
  | { readonly allowed: true; readonly handler: number | null; readonly credentials: readonly number[] };

const no = (reason: DenyReason, rule: string | null): Verdict => ({ allowed: false, reason, rule });

export function judge(policy: EgressPolicy, { url, method: asked }: Asked): Verdict {
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    return no("malformed", null);
  }
  const { protocol, username, password, port: written, pathname } = parsed;
  const host = readHost(parsed.hostname);
  const port = written || { "http:": "80", "https:": "443" }[protocol];
  if (!["http:", "https:"].includes(protocol) || host === null || username + password !== "")
    return no("malformed", null);
  if (port !== "80" && port !== "443") return no("malformed", null);
  if (asked === "" || Array.from(asked).some((character) => !isTokenCharacter(character))) return no("malformed", null);
  if (/^(?:trace|track|connect)$/i.test(asked)) return no("malformed", null);
  if ((protocol === "https:" || port === "443") && !policy.interceptHttps) return no("https_off", null);

  const method = asked.replaceAll(/[a-z]/g, (letter) => letter.toUpperCase());
  const fits = (rule: EgressRule, of: Host) =>
    isMatch(rule.host, of) &&
    (rule.ports === undefined || rule.ports.includes(Number(port))) &&
    (rule.methods === undefined || rule.methods.includes(method));

  for (const [index, rule] of policy.deny.entries()) if (fits(rule, host)) return no("denied", `deny[${index}]`);
  const inner = innerAddress(host);
  if (inner !== null) {
    for (const [index, rule] of policy.deny.entries()) if (fits(rule, inner)) return no("denied", `deny[${index}]`);
  }
  if (policy.allow === undefined && policy.default === "deny") return no("not_allowed", "default");
  if (policy.allow !== undefined && !policy.allow.some((rule) => fits(rule, host))) return no("not_allowed", "allow");
  if (policy.allow === undefined && isSpecial(host)) return no("private_address", "default");

  const ofHost = policy.credentials.flatMap(({ hosts }, index) =>
    hosts.some((pattern) => isMatch(pattern, host)) ? [index] : [],
  );
  const covering = ofHost.filter((index) => {
    const { methods, paths } = policy.credentials[index] ?? {};
    return (methods === undefined || methods.includes(method)) && (paths === undefined || isOnPath(paths, pathname));
  });
  if (ofHost.length > 0 && covering.length === 0) return no("credential_scope", `credentials[${ofHost[0]}]`);
  const headers = covering.map((index) => policy.credentials[index]?.header);
  const handler = policy.handlers.findIndex(
    ({ hosts, methods }) =>
      hosts.some((pattern) => isMatch(pattern, host)) && (methods === undefined || methods.includes(method)),
  );
  return {
    allowed: true,
    handler: handler === -1 ? null : handler,
    credentials: covering.filter((_, place) => headers.indexOf(headers[place]) === place),
  };
}

/** Addresses of both kinds in one space: IPv4 where IPv6 maps it. */
type Host = { readonly name: string } | { readonly number: bigint };

const MAPPED = 0xffffn << 32n;
const isV4 = (number: bigint) => number >> 32n === 0xffffn;

function readHost(hostname: string): Host | null {
  if (hostname.startsWith("[")) return { number: number6(hostname.slice(1, -1)) };
  const name = hostname.endsWith(".") ? hostname.slice(0, -1) : hostname;
  const number = number4(name);
  if (number !== null) return { number };
  const labels = name.split(".");
  if (name.length > 253 || labels.some((label) => label === "" || label.length > 63)) return null;
  for (const label of labels) {
    if (label.startsWith("-") || label.endsWith("-")) return null;
    if (Array.from(label).some((character) => !"abcdefghijklmnopqrstuvwxyz0123456789-_".includes(character)))
      return null;
  }
  return { name };
}

function number4(text: string): bigint | null {
  const parts = text.split(".");
  if (
    parts.length !== 4 ||
    parts.some((part) => part === "" || Array.from(part).some((digit) => digit < "0" || digit > "9"))
  ) {
    return null;
  }
  let number = 0n;
  for (const part of parts) number = number * 256n + BigInt(part);
  return MAPPED + number;
}

function number6(text: string): bigint {
  let [before = [], after = []] = text.split("::").map((half) => half.split(":").filter((group) => group !== ""));
  const last = after.at(-1) ?? before.at(-1) ?? "";
  if (last.includes(".")) {
    const low = (number4(last) ?? 0n) - MAPPED;
    const groups = [(low >> 16n).toString(16), (low & 0xffffn).toString(16)];
    if (after.length > 0) after = [...after.slice(0, -1), ...groups];
    else before = [...before.slice(0, -1), ...groups];
  }
  let number = 0n;
  for (const group of before) number = number * 65_536n + BigInt(`0x${group}`);
  number <<= BigInt(16 * (8 - before.length));
  let low = 0n;
  for (const group of after) low = low * 65_536n + BigInt(`0x${group}`);
  return number + low;
}

function isMatch(pattern: string, host: Host): boolean {
  if (pattern.startsWith("*.")) {
    if (!("name" in host)) return false;
    const labels = host.name.split(".");
    const wanted = pattern.split(".").slice(1);
    return labels.length > wanted.length && labels.slice(-wanted.length).join(" ") === wanted.join(" ");
  }
  const [text = "", bits] = pattern.split("/");
  const number = text.includes(":") ? number6(text) : number4(text);
  if (number === null) return "name" in host && host.name === pattern;
  if (!("number" in host) || isV4(number) !== isV4(host.number)) return false;
  const width = isV4(number) ? 32n : 128n;
  const size = 2n ** (width - (bits === undefined ? width : BigInt(bits)));
  return host.number / size === number / size;
}

function innerAddress(host: Host): Host | null {
  if (!("number" in host) || isV4(host.number)) return null;
  const { number } = host;
  if (number < 2n ** 32n || number >> 32n === 0x0064ff9bn << 64n) return { number: MAPPED + (number % 2n ** 32n) };
  if (number >> 112n === 0x2002n) return { number: MAPPED + ((number >> 80n) % 2n ** 32n) };
  return null;
}

const SPECIAL_V4: readonly (readonly [string, string])[] = [
  ["0.0.0.0", "0.255.255.255"],
  ["10.0.0.0", "10.255.255.255"],
  ["100.64.0.0", "100.127.255.255"],
  ["127.0.0.0", "127.255.255.255"],
  ["168.63.129.16", "168.63.129.16"],
  ["169.254.0.0", "169.254.255.255"],
  ["172.16.0.0", "172.31.255.255"],
  ["192.0.0.0", "192.0.0.255"],
  ["192.0.2.0", "192.0.2.255"],
  ["192.88.99.0", "192.88.99.255"],
  ["192.168.0.0", "192.168.255.255"],
  ["198.18.0.0", "198.19.255.255"],
  ["198.51.100.0", "198.51.100.255"],
  ["203.0.113.0", "203.0.113.255"],
  ["224.0.0.0", "255.255.255.255"],
];

const SPECIAL_NAME =
  /(?:^|\.)(?:localhost|local|localdomain|internal|intranet|private|corp|home|lan|home\.arpa)$|^[^.]*$/;

function isSpecial(host: Host): boolean {
  if ("name" in host) return SPECIAL_NAME.test(host.name);
  const { number } = host;
  if (isV4(number)) {
    return SPECIAL_V4.some(([first, last]) => (number4(first) ?? 0n) <= number && number <= (number4(last) ?? 0n));
  }
  const top = Number(number >> 112n);
  const second = Number((number >> 96n) & 0xffffn);
  const inner = innerAddress(host);
  if (inner !== null && number >= 2n ** 32n) return isSpecial(inner);
  if (top < 0x2000 || top > 0x3fff) return true;
  return (top === 0x2001 && (second < 0x200 || second === 0xdb8)) || (top === 0x3fff && second < 0x1000);
}

/** On bytes, each part of the path on its own; servers that decode up to four times are counted with. */
function isOnPath(paths: readonly string[], pathname: string): boolean {
  let bytes = Buffer.from(pathname);
  for (let round = 0; ; round += 1) {
    const text = bytes.toString("latin1");
    for (const part of text.split("/").slice(1)) {
      if (part === "." || part === "..") return false;
      const dots = part.startsWith("..") ? 2 : part.startsWith(".") ? 1 : 0;
      const next = part.at(dots) ?? "";
      // A blank that is not ASCII is one too once it is decoded.
      if (dots > 0 && (next === ";" || /^\s/.test(Buffer.from(part.slice(dots), "latin1").toString("utf8"))))
        return false;
    }
    if (bytes.some((byte) => byte < 32 || byte === 127 || byte === 92)) return false;
    const decoded = decodeBytes(bytes);
    if (decoded.equals(bytes)) break;
    if (round === 3 || !isUtf8(decoded)) return false;
    bytes = decoded;
  }
  return paths.some((path) =>
    path.at(-1) === "*" ? pathname.slice(0, path.length - 1) === path.slice(0, -1) : path === pathname,
  );
}

function decodeBytes(bytes: Buffer): Buffer<ArrayBuffer> {
  const decoded: number[] = [];
  for (let index = 0; index < bytes.length; index += 1) {
    const hex = bytes.toString("latin1", index + 1, index + 3);
    const isEncoded = bytes[index] === 37 && /^[0-9a-f]{2}$/i.test(hex);
    decoded.push(isEncoded ? Number.parseInt(hex, 16) : (bytes[index] ?? 0));
    if (isEncoded) index += 2;
  }
  return Buffer.from(decoded);
}

function isTokenCharacter(character: string): boolean {
  const code = character.codePointAt(0) ?? 0;
  return code > 32 && code < 127 && !'()<>@,;:\\"/[]?={}'.includes(character);
}
