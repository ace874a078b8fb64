/** Policies and requests that have to do with each other, and hosts in spellings of which it is known what they mean. */
import * as fc from "fast-check";
import type { Asked } from "../../src/egress/policy/decision.ts";
import type { EgressPolicy, EgressRule } from "../../src/egress/policy/policy.ts";

const words = (text: string) => text.trim().split(/\s+/);

const NAMES = [
  "example.test",
  "api.example.test",
  "a.api.example.test",
  "a.b.api.example.test",
  "evilexample.test",
  "example.test.evil.test",
  "xn--bcher-kva.example.test",
  "_dmarc.example.test",
  "example.com",
  "localhost",
  "a.localhost",
  "printer.local",
  "vm.internal",
  "test",
] as const;

const IPV4 = words(`
    8.8.8.8 8.8.8.9 1.1.1.1 10.20.0.1 10.20.30.4 10.21.0.0 127.0.0.1 169.254.169.254
    0.0.0.0 255.255.255.255 100.64.0.1 100.128.0.0 172.15.255.255 172.16.0.0 172.32.0.0
  `);

const IPV6 = words(`
    :: ::1 ::808:808 fd00::1 fd00:20::7 fe80::1 2606:4700::1111 2606:4700::1112
    64:ff9b::808:808 64:ff9b::a14:1 64:ff9b:1::1 2002:808:808::1 2002:a14:1:: 2001::1
    2001:db8::7 2001:200:: 3fff:1000:: ff02::1 ::fffe:808:808
  `);

const RANGES = words(`
  0.0.0.0/0 8.0.0.0/7 8.8.8.8/31 8.8.8.8/32 10.0.0.0/8 10.20.0.0/16 10.20.30.0/24 128.0.0.0/1
`);

const PATTERNS = [...NAMES, ...NAMES.map((name) => `*.${name}`), ...IPV4, ...IPV6, ...RANGES];
const METHODS = ["GET", "POST", "DELETE", "PATCH"];
const PATHS = ["/*", "/v1/*", "/v1*", "/v1/x", "/", "/v1/", "/a%2fb/*"];

const pattern = () => fc.constantFrom(...PATTERNS);
const methods = () => fc.uniqueArray(fc.constantFrom(...METHODS), { maxLength: 2 });

/** Of credentials and handlers, several of which are to be for one host. */
const hosts = () =>
  fc.array(fc.oneof(pattern(), fc.constantFrom("*.test", "*.example.test", "0.0.0.0/0", "::/0")), {
    minLength: 1,
    maxLength: 4,
  });

const optional = { requiredKeys: ["host"] as "host"[] };

const rule = (): fc.Arbitrary<EgressRule> =>
  fc.record(
    { host: pattern(), ports: fc.uniqueArray(fc.constantFrom(80, 443), { maxLength: 2 }), methods: methods() },
    optional,
  );

/** Mostly whole hosts, so that lists say something. */
const rules = (maxLength: number) =>
  fc.array(fc.oneof({ weight: 3, arbitrary: fc.record({ host: pattern() }) }, { weight: 1, arbitrary: rule() }), {
    maxLength,
    size: "max",
  });

export const policies = (): fc.Arbitrary<EgressPolicy> =>
  fc.record(
    {
      default: fc.constantFrom("allow" as const, "allow" as const, "allow" as const, "deny" as const),
      allow: rules(40),
      deny: rules(4),
      interceptHttps: fc.constantFrom(true, true, true, false),
      open: fc.constant(false),
      credentials: fc.array(
        fc.record(
          {
            hosts: hosts(),
            header: fc.constantFrom("authorization", "x-key"),
            prefix: fc.constant(""),
            secret: fc.constant("key"),
            methods: methods(),
            paths: fc.array(fc.constantFrom(...PATHS), { minLength: 1, maxLength: 3 }),
          },
          { requiredKeys: ["hosts", "header", "prefix", "secret"] },
        ),
        { maxLength: 4 },
      ),
      handlers: fc.array(
        fc.record(
          {
            hosts: hosts(),
            methods: methods(),
            binding: fc.constant("MOCK"),
          },
          { requiredKeys: ["hosts", "binding"] },
        ),
        { maxLength: 3 },
      ),
      internal: fc.constant([]),
      bindings: fc.constant([]),
    },
    { requiredKeys: ["default", "deny", "interceptHttps", "open", "credentials", "handlers", "internal", "bindings"] },
  );

export interface Spelled {
  /** In its one form; an IPv6 address without brackets. */
  readonly host: string;
  /** As it stands in a URL. */
  readonly spelling: string;
}

/** Numbers that decide how each character is written. */
const choices = () => fc.infiniteStream(fc.nat(1_000));

const DOTS = [".", ".", ".", "。", "．", "｡", "%2e", "%E3%80%82"];

function spellName(host: string, draw: () => number): string {
  const unicode = host.replace("xn--bcher-kva", draw() % 2 === 0 ? "bücher" : "xn--bcher-kva");
  const spelled = Array.from(unicode, (character) => {
    if (character === ".") return pick(DOTS, draw());
    const kind = draw() % 12;
    const upper = character.toUpperCase();
    if (kind < 3) return upper;
    if (kind === 3) return encodeURIComponent(upper).replace(/^[^%]$/, (same) => `%${same.charCodeAt(0).toString(16)}`);
    if (kind === 4 && /[a-z0-9]/.test(character)) return String.fromCharCode(character.charCodeAt(0) + 0xfee0);
    if (kind === 5) return `${character}\u00AD`;
    return character;
  }).join("");
  return draw() % 4 === 0 ? `${spelled}.` : spelled;
}

function spellIpv4(host: string, draw: () => number): string {
  const parts = host.split(".").map(Number);
  const taken = 1 + (draw() % 4);
  const numbers = [...parts.slice(0, taken - 1), parts.slice(taken - 1).reduce((value, part) => value * 256 + part, 0)];
  const dotted = numbers.map((number) => spellNumber(number, draw())).join(pick([".", ".", "。", "%2E"], draw()));
  return draw() % 5 === 0 ? `${dotted}.` : dotted;
}

function spellNumber(number: number, choice: number): string {
  const kinds = [
    () => String(number),
    () => `0${number.toString(8)}`,
    () => `000${number.toString(8)}`,
    () => `0x${number.toString(16)}`,
    () => `0X${number.toString(16).toUpperCase()}`,
    () => `0x000${number.toString(16)}`,
    () => Array.from(String(number), (digit) => String.fromCharCode(digit.charCodeAt(0) + 0xfee0)).join(""),
  ];
  return (kinds[choice % kinds.length] ?? (() => ""))();
}

function spellMapped(host: string, draw: () => number): string {
  const [a = 0, b = 0, c = 0, d = 0] = host.split(".").map(Number);
  const low = draw() % 2 === 0 ? host : `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16).padStart(4, "0")}`;
  const head = pick(["::ffff:", "::FFFF:", "0:0:0:0:0:ffff:", "0000::fFfF:", "::0:ffff:"], draw());
  return `[${head}${low}]`;
}

function spellIpv6(host: string, draw: () => number): string {
  const [head = "", tail] = host.split("::").map((half) => (half === "" ? [] : half.split(":")));
  const left = head === "" ? [] : head;
  const right = tail ?? [];
  const groups = [...left, ...Array.from({ length: 8 - left.length - right.length }, () => "0"), ...right].map(
    (group) => {
      const padded = group.padStart(1 + (draw() % 4), "0");
      return draw() % 2 === 0 ? padded.toUpperCase() : padded;
    },
  );
  const kind = draw() % 3;
  if (kind === 0) return `[${host}]`;
  if (kind === 1) return `[${groups.join(":")}]`;
  const [high = 0, low = 0] = groups.slice(6).map((group) => Number.parseInt(group, 16));
  return `[${groups.slice(0, 6).join(":")}:${high >> 8}.${high & 255}.${low >> 8}.${low & 255}]`;
}

function pick<T>(items: readonly T[], choice: number): T {
  return items[choice % items.length] as T;
}

const fromStream = (stream: fc.Stream<number>) => () => stream.next().value as number;

const anyIpv4 = () =>
  fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(...IPV4) },
    { weight: 1, arbitrary: fc.array(fc.nat(255), { minLength: 4, maxLength: 4 }).map((parts) => parts.join(".")) },
  );

export const spelledHosts = (): fc.Arbitrary<Spelled> =>
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc
        .tuple(fc.constantFrom(...NAMES), choices())
        .map(([host, stream]) => ({ host, spelling: spellName(host, fromStream(stream)) })),
    },
    {
      weight: 2,
      arbitrary: fc
        .tuple(anyIpv4(), choices())
        .map(([host, stream]) => ({ host, spelling: spellIpv4(host, fromStream(stream)) })),
    },
    {
      weight: 1,
      arbitrary: fc
        .tuple(anyIpv4(), choices())
        .map(([host, stream]) => ({ host, spelling: spellMapped(host, fromStream(stream)) })),
    },
    {
      weight: 2,
      arbitrary: fc
        .tuple(fc.constantFrom(...IPV6), choices())
        .map(([host, stream]) => ({ host, spelling: spellIpv6(host, fromStream(stream)) })),
    },
  );

export interface SpelledRequest {
  readonly asked: Asked;
  /** The same request in the plainest way; null where only the reference says what it means. */
  readonly plain: Asked | null;
}

const SCHEMES = ["http://", "http://", "https://", "HTTP://", "hTTpS://", "http:\\\\", "https:/"];
/** Mostly such that the rest of the request is looked at. */
const PORTS = [...Array.from({ length: 24 }, () => ""), ...words(": :80 :443 :0080 :443 :8080 :81 :65536 :80x")];
const USERS = [...Array.from({ length: 60 }, () => ""), ...words("user@ user:password@ :x@ api.example.test@")];
const PATH_PARTS = words(`
  / /v1 /v1/ /x /.. /. /%2e%2e /%2E /..%2f /..%5c \\.. %2f %5C /%252e%252e /..; /.;a /%00 /caf%C3%A9 /%ff %
  /%25 evil /..%20 /a%2fb /..%e3%80%80 /admin ?/../x
`);

const path = () =>
  fc.array(fc.constantFrom(...PATH_PARTS), { maxLength: 4 }).map((parts) => `/${parts.join("")}`.replace("//", "/"));

const anyMethod = () =>
  fc.oneof(
    { weight: 12, arbitrary: fc.constantFrom(...METHODS, "get", "Delete", "HEAD") },
    {
      weight: 1,
      arbitrary: fc.constantFrom("", "GET ", "PO ST", "POſT", "G\u0000", "M-SEARCH", "a|b", "TRACE", "Connect"),
    },
  );

const spelledRequest = (): fc.Arbitrary<SpelledRequest> =>
  fc
    .record({
      host: spelledHosts(),
      scheme: fc.constantFrom(...SCHEMES),
      user: fc.constantFrom(...USERS),
      port: fc.constantFrom(...PORTS),
      path: path(),
      method: anyMethod(),
    })
    .map(({ host: { host, spelling }, scheme, user, port, path: at, method }) => {
      const isPlain = user === "" && !/[^:0-9]|8080|81|65536/.test(port);
      const protocol = scheme.toLowerCase().startsWith("https") ? "https" : "http";
      const plainPort = port === ":" ? "" : port.replace("00", "");
      const plainHost = host.includes(":") ? `[${host}]` : host;
      return {
        asked: { url: `${scheme}${user}${spelling}${port}${at}`, method },
        plain: isPlain ? { url: `${protocol}://${plainHost}${plainPort}${at}`, method } : null,
      };
    });

/** Text of which nobody knows what it is. */
const anyRequest = (): fc.Arbitrary<SpelledRequest> =>
  fc
    .record({
      url: fc.oneof(
        fc.webUrl({ withQueryParameters: true, withFragments: true }),
        fc.string({ unit: "binary" }),
        fc.string({ unit: "binary" }).map((text) => `http://${text}`),
        fc
          .string({ unit: fc.constantFrom(...Array.from("aA.:/\\@[]%02x-_*?#。1é\u00AD\u200D\uD800")) })
          .map((text) => `http://${text}`),
        fc
          .string({ unit: fc.constantFrom(...Array.from("0123456789abcdefx.:[]%")) })
          .map((text) => `http://[${text}]/`),
        fc.string({ unit: fc.constantFrom(...Array.from("0123456789x.")) }).map((text) => `http://${text}/`),
        fc.ipV4Extended().map((text) => `http://${text}/`),
        fc.ipV6().map((text) => `http://[${text}]/`),
        fc.domain().map((text) => `http://${text}/`),
      ),
      method: fc.oneof(
        { weight: 9, arbitrary: anyMethod() },
        { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 5 }) },
      ),
    })
    .map((asked) => ({ asked, plain: null }));

export const requests = (): fc.Arbitrary<SpelledRequest> =>
  fc.oneof({ weight: 7, arbitrary: spelledRequest() }, { weight: 1, arbitrary: anyRequest() });
