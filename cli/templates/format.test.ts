import { describe, it } from "vitest";
import { formatReference, parseReference } from "./format.ts";

const DIGEST = `sha256:${"a1".repeat(32)}`;

describe("a reference of a template", () => {
  it("is a name with a tag or a digest, and latest without", ({ expect }) => {
    expect(parseReference("hello-world")).toEqual({ name: "hello-world", reference: "latest" });
    expect(parseReference("templates/hello-world:0.1.0")).toEqual({ name: "hello-world", reference: "0.1.0" });
    expect(parseReference(`team/web@${DIGEST}`)).toEqual({ name: "team/web", reference: DIGEST });
    expect(parseReference(`web:1@${DIGEST}`)).toEqual({ name: "web", reference: DIGEST });
    for (const text of ["web:1.2", `web@${DIGEST}`]) expect(formatReference(parseReference(text))).toBe(text);
  });

  it("is refused in words where it is none", ({ expect }) => {
    const wrong = [
      "",
      "Web",
      "../web",
      "web:",
      "web:a b",
      "web@sha256:1",
      "web@",
      "https://example.com/web",
      "web?x=1",
    ];
    for (const text of wrong) expect(() => parseReference(text), text).toThrow("must be <name>, <name>:<version>");
  });
});
