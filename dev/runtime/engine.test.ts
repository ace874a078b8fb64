import { describe, it } from "vitest";
import { findEngine, socketOf, whyNotHere } from "./engine.ts";

describe("looking for a Docker engine", () => {
  it("takes the socket out of DOCKER_HOST", ({ expect }) => {
    expect(socketOf("unix:///run/user/1/docker.sock")).toBe("/run/user/1/docker.sock");
    expect(socketOf("tcp://10.0.0.1:2375")).toBeUndefined();
  });

  it("does not go past a DOCKER_HOST that does not answer", async ({ expect }) => {
    await expect(findEngine({ DOCKER_HOST: "unix:///nowhere/docker.sock" })).rejects.toThrow(
      "No Docker engine answers",
    );
  });

  it("refuses an engine behind TCP, which nothing can be put before", async ({ expect }) => {
    await expect(findEngine({ DOCKER_HOST: "tcp://10.0.0.1:2375" })).rejects.toThrow("Unix socket");
  });
});

describe("a machine without an engine", () => {
  it("is helped on Debian with root", ({ expect }) => {
    expect(whyNotHere("linux", 0, true)).toBeUndefined();
  });

  it.for([
    { where: "macOS", platform: "darwin", uid: 501, hasApt: false, advice: "Docker Desktop" },
    { where: "Windows", platform: "win32", uid: -1, hasApt: false, advice: "WSL 2" },
    { where: "another Linux", platform: "linux", uid: 0, hasApt: false, advice: "docs.docker.com" },
    { where: "Debian without root", platform: "linux", uid: 1000, hasApt: true, advice: "sudo" },
  ])("gets advice on $where", ({ platform, uid, hasApt, advice }, { expect }) => {
    expect(whyNotHere(platform, uid, hasApt)).toContain(advice);
  });
});
