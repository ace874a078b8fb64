import { describe, it } from "vitest";
import { findBrowser, whyNoBrowser } from "./browser.ts";

describe("looking for a browser", () => {
  it("takes the one that is chosen, and no other in its place", ({ expect }) => {
    const { execPath } = process;
    expect(findBrowser({ CHROME_PATH: execPath, PATH: "" })).toBe(execPath);
    expect(findBrowser({ CHROME_PATH: "/nowhere/chrome", PATH: process.env["PATH"] })).toBeUndefined();
    expect(whyNoBrowser({ CHROME_PATH: "/nowhere/chrome" }, 0, true)).toContain("/nowhere/chrome");
  });

  it("ends in an installation on Debian with root, and elsewhere in advice", ({ expect }) => {
    expect(whyNoBrowser({}, 0, true)).toBeUndefined();
    expect(whyNoBrowser({}, 1_000, true)).toContain("sudo apt-get install chromium");
    expect(whyNoBrowser({}, 0, false)).toContain("CHROME_PATH");
  });
});
