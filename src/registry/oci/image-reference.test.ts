import { describe, it } from "vitest";
import { formatReference, parseImageReference } from "./image-reference.ts";

const HEX = "0123456789abcdef".repeat(4);

describe("an image reference", () => {
  it.for([
    ["ubuntu", "docker.io/library/ubuntu:latest"],
    ["ubuntu:22.04", "docker.io/library/ubuntu:22.04"],
    ["team/web", "docker.io/team/web:latest"],
    ["docker.io/ubuntu", "docker.io/library/ubuntu:latest"],
    ["index.docker.io/ubuntu", "docker.io/library/ubuntu:latest"],
    ["ghcr.io/team/web:v1", "ghcr.io/team/web:v1"],
    ["host:5000/web", "host:5000/web:latest"],
    ["host:5000/web:2", "host:5000/web:2"],
    ["localhost/web", "localhost/web:latest"],
    ["127.0.0.1:5000/a/b/c:x", "127.0.0.1:5000/a/b/c:x"],
    ["[::1]:5000/web", "[::1]:5000/web:latest"],
    ["GHCR.io/web", "ghcr.io/web:latest"],
    [`web@sha256:${HEX}`, `docker.io/library/web@sha256:${HEX}`],
    [`host:5000/web:2@sha256:${HEX}`, `host:5000/web:2@sha256:${HEX}`],
    [`web@sha512:${HEX}${HEX}`, `docker.io/library/web@sha512:${HEX}${HEX}`],
  ] as const)("written %s is %s", ([text, whole], { expect }) => {
    const parsed = parseImageReference(text);
    expect(parsed.ok && formatReference(parsed.reference)).toBe(whole);
    // What is whole stays as it is.
    const again = parseImageReference(whole);
    expect(again).toEqual(parsed);
  });

  it.for([
    ["", "repository"],
    ["Web", "repository"],
    ["team//web", "repository"],
    ["team/-web", "repository"],
    ["web:", "tag"],
    [`web:${"a".repeat(129)}`, "tag"],
    ["web:a:b", "tag"],
    ["web@sha256:abc", "digest"],
    [`web@md5:${HEX}`, "digest"],
    [`web@sha256:${HEX.toUpperCase()}`, "digest"],
    ["-host.example/web", "host"],
    ["host.example:port/web", "host"],
    [`a.example/${"a".repeat(256)}`, "repository"],
    ["mine://web", "host"],
  ] as const)("written %s has no such %s", ([text, what], { expect }) => {
    expect(parseImageReference(text)).toMatchObject({ ok: false, reason: expect.stringContaining(`is no ${what}`) });
  });
});
