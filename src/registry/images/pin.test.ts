import { describe, it } from "vitest";
import { isOwnHost } from "./own-host.ts";
import { formatPin, ownImageName, parsePin } from "./pin.ts";
import { isNews, retryDelayMs, type PreparationView } from "./progress.ts";

const DIGEST = `sha256:${"0123456789abcdef".repeat(4)}` as const;

describe("a pin", () => {
  it("is read as it was written", ({ expect }) => {
    for (const pin of [
      { domain: "localhost:5000", repository: "team/web", digest: DIGEST },
      { domain: "gantry", repository: "web", digest: DIGEST },
    ]) {
      expect(parsePin(formatPin(pin))).toEqual(pin);
    }
    for (const text of ["", "web", "a.example/web:1", "a.example/web@sha256:12"]) expect(parsePin(text)).toBeNull();
  });

  it("of Gantry's own registry is a reference to what must stay there", ({ expect }) => {
    expect(ownImageName(`gantry/team/web@${DIGEST}`)).toBe(`team/web@${DIGEST}`);
    expect(ownImageName(`gantry.example/team/web@${DIGEST}`)).toBeNull();
    expect(ownImageName(undefined)).toBeNull();
  });
});

describe("a host in front of an image", () => {
  const LOCAL = { asked: "http://localhost:8787/client/v4", hosts: "" };
  it.for([
    ["localhost:8787", LOCAL, true],
    ["127.0.0.1:8787", LOCAL, true],
    ["[::1]:8787", LOCAL, true],
    ["localhost:5000", LOCAL, false],
    ["localhost", LOCAL, false],
    ["127.0.0.1:8787", { asked: "https://gantry.example.com:8787/", hosts: "" }, false],
    ["gantry.example.com", { asked: "https://gantry.example.com/", hosts: "" }, true],
    ["images.example.com", { asked: "https://gantry.example.com/", hosts: "a.example.com, Images.example.com" }, true],
    ["images.example.com", { asked: undefined, hosts: "images.example.com" }, true],
    ["gantry.example.com", { asked: undefined, hosts: "" }, false],
  ] as const)("%s asked at %o is ours: %s", ([domain, host, isOurs], { expect }) => {
    expect(isOwnHost(domain, host)).toBe(isOurs);
  });
});

describe("the progress of an image", () => {
  it("is news with each state, reason and fifth", ({ expect }) => {
    const at: PreparationView = { pin: "", state: "mirroring", percent: 21, reason: null, image: null };
    expect(isNews(at, { ...at, percent: 39 })).toBe(false);
    expect(isNews(at, { ...at, percent: 40 })).toBe(true);
    expect(isNews(at, { ...at, state: "preparing" })).toBe(true);
    expect(isNews(at, { ...at, reason: "again" })).toBe(true);
  });

  it("is tried again later and later, within five minutes", ({ expect }) => {
    expect([1, 2, 3, 9, 1_000].map(retryDelayMs)).toEqual([1_000, 2_000, 4_000, 256_000, 300_000]);
  });
});
