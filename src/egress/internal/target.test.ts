/** Which internal names and addresses there are, and why others are none. */
import { describe, it } from "vitest";
import { internalTarget } from "./target.ts";

const env = { GANTRY_IPV4_RANGE: "10.128.0.0/16", GANTRY_IPV6_PREFIX: "fd67:616e:7472::/48" } as unknown as Env;
const of = (url: string) => internalTarget(new URL(url), env);
const long = (length: number) => "a".repeat(length);

describe("an internal name", () => {
  it.for([
    ["http://web.gantry.internal/x", { kind: "application", application: "web", port: null }],
    ["https://WEB.Gantry.Internal./x", { kind: "application", application: "web", port: null }],
    ["http://my_web-2.gantry.internal/", { kind: "application", application: "my_web-2", port: null }],
    [`http://${long(63)}.gantry.internal/`, { kind: "application", application: long(63), port: null }],
    ["http://port-9090.web.gantry.internal/", { kind: "application", application: "web", port: 9_090 }],
    ["http://port-65535.web.gantry.internal/", { kind: "application", application: "web", port: 65_535 }],
    ["http://id-ada.web.gantry.internal/", { kind: "instance", application: "web", instance: "ada", port: null }],
    ["http://id-_a-.web.gantry.internal/", { kind: "instance", application: "web", instance: "_a-", port: null }],
    ["http://id-port-1.web.gantry.internal/", { kind: "instance", application: "web", instance: "port-1", port: null }],
    ["http://port-1.id-ada.web.gantry.internal/", { kind: "instance", application: "web", instance: "ada", port: 1 }],
    // Names that look like something else.
    ["http://port-80.gantry.internal/", { kind: "application", application: "port-80", port: null }],
    ["http://id-ada.gantry.internal/", { kind: "application", application: "id-ada", port: null }],
    ["http://port-80.r2.gantry.internal/", { kind: "application", application: "r2", port: 80 }],
    ["http://id-a.control.gantry.internal/", { kind: "instance", application: "control", instance: "a", port: null }],
    ["http://web.gantry.internal:80/", { kind: "application", application: "web", port: null }],
  ] as const)("%s is understood", ([url, target], { expect }) => {
    expect(of(url)).toEqual(target);
  });

  it.for([
    ["http://gantry.internal/", /name is missing/],
    ["http://-web.gantry.internal/", /-web is no name of an application/],
    ["http://web_.gantry.internal/", /web_ is no name/],
    ["http://a..gantry.internal/", /nothing is no name/],
    [`http://${long(64)}.gantry.internal/`, /is no name of an application: 1 to 63/],
    ["http://bücher.gantry.internal:81/", /port-81\.xn--bcher-kva/],
    ["http://web.gantry.internal:8080/", /port-8080\.web\.gantry\.internal/],
    ["https://web.gantry.internal:80/", /port-80\.web/],
    ["http://port-0.web.gantry.internal/", /port-1 to port-65535/],
    ["http://port-080.web.gantry.internal/", /port-1 to port-65535/],
    ["http://port-65536.web.gantry.internal/", /port-1 to port-65535/],
    ["http://port-x.web.gantry.internal/", /port-1 to port-65535/],
    ["http://x.web.gantry.internal/", /there may be id-<instance>/],
    ["http://id-a.port-1.web.gantry.internal/", /there may be id-<instance>/],
    ["http://port-1.port-2.web.gantry.internal/", /and no more/],
    ["http://a.port-1.id-b.web.gantry.internal/", /and no more/],
    ["http://id-.web.gantry.internal/", /at most 60/],
    [`http://id-${long(61)}.web.gantry.internal/`, /at most 60/],
    ["http://id-a~b.web.gantry.internal/", /an instance is id-<its name>/],
  ] as const)("%s is none, and it is said why", ([url, why], { expect }) => {
    expect(of(url)).toEqual({ kind: "nothing", host: new URL(url).hostname, why: expect.stringMatching(why) });
  });

  it.for([
    "http://control.gantry.internal/",
    "http://r2.gantry.internal/a/b",
    "http://kv.gantry.internal./a",
    "http://do.gantry.internal/a",
    "http://web.gantry.internal.example.com/",
    "http://evilgantry.internal/",
    "http://example.com/web.gantry.internal",
  ])("%s is somebody else's", (url, { expect }) => {
    expect(of(url)).toBeNull();
  });
});

describe("an address", () => {
  it.for([
    ["http://10.128.3.4/", "10.128.3.4", null],
    ["https://10.128.3.4:9090/", "10.128.3.4", 9_090],
    // One address, however it is written.
    ["http://0x0a800304/", "10.128.3.4", null],
    ["http://012.0200.03.04/", "10.128.3.4", null],
    ["http://[::ffff:10.128.3.4]/", "10.128.3.4", null],
    ["http://[::ffff:a80:304]/", "10.128.3.4", null],
    ["http://[fd67:616e:7472:0:0::9]/", "fd67:616e:7472::9", null],
    ["https://[FD67:616E:7472:1::9]:8443/", "fd67:616e:7472:1::9", 8_443],
  ] as const)("%s is an instance's", ([url, address, port], { expect }) => {
    expect(of(url)).toEqual({ kind: "address", address, port });
  });

  it.for(["http://10.129.0.1/", "http://[fd67:616e:7473::1]/", "http://[::ffff:10.129.0.1]/", "http://1.1.1.1/"])(
    "%s is somebody else's",
    (url, { expect }) => {
      expect(of(url)).toBeNull();
    },
  );
});
