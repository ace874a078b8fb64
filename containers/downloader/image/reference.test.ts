import { describe, it } from "vitest";
import { DownloadError } from "../errors.ts";
import { fileNameOf, formatReference, readReference, repoTagOf, targetOf } from "./reference.ts";

const DIGEST = `sha256:${"0123456789abcdef".repeat(4)}`;

describe("a reference", () => {
  it.for([
    ["ubuntu", "docker.io/library/ubuntu:latest", "ubuntu:latest", "latest", "ubuntu_latest.tar"],
    [" ubuntu:22.04 ", "docker.io/library/ubuntu:22.04", "ubuntu:22.04", "22.04", "ubuntu_22.04.tar"],
    ["team/web:1", "docker.io/team/web:1", "team/web:1", "1", "team_web_1.tar"],
    ["ghcr.io/a/b", "ghcr.io/a/b:latest", "ghcr.io/a/b:latest", "latest", "ghcr.io_a_b_latest.tar"],
    ["localhost:5000/x:y", "localhost:5000/x:y", "localhost:5000/x:y", "y", "localhost_5000_x_y.tar"],
    [`web@${DIGEST}`, `docker.io/library/web@${DIGEST}`, null, DIGEST, "web_sha256-0123456789ab.tar"],
    [`web:1@${DIGEST}`, `docker.io/library/web:1@${DIGEST}`, null, DIGEST, "web_1.tar"],
  ] as const)("%s is asked for, tagged and named as it should be", ([text, name, tag, target, file], { expect }) => {
    const reference = readReference(text);
    expect([formatReference(reference), repoTagOf(reference), targetOf(reference)]).toEqual([name, tag, target]);
    expect(fileNameOf([reference])).toBe(file);
  });

  it.for(["", "Ubuntu", "ubuntu:", "a b", "ubuntu@sha256:12", "x".repeat(2_000), "../etc", "https://ghcr.io/a"])(
    "%j is refused",
    (text, { expect }) => {
      try {
        readReference(text);
        expect.unreachable();
      } catch (error) {
        expect(error).toBeInstanceOf(DownloadError);
        expect((error as DownloadError).code).toBe("INVALID_REFERENCE");
      }
    },
  );
});
