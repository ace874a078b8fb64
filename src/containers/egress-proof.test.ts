import { execFile } from "node:child_process";
import { createServer } from "node:http";
import { describe, it } from "vitest";
import { proofOf } from "../egress/proof.ts";
import { containerPort } from "../../test/unit/container-port.ts";
import { proveEgress, verifiedOf } from "./egress-proof.ts";
import { egressProbe } from "../orchestrator/probe-spec.ts";

const PLACED = { deploymentId: "d", generation: 3 };

const printing = (output: string, exitCode: number) => containerPort({ exec: async () => ({ output, exitCode }) });

describe("the proof of egress", () => {
  it.for([
    ["the gateway's own answer", `${proofOf(PLACED)}\n`, 0, "proved", "probe"],
    ["an answer of an earlier placement", "gantry-egress d 2\n", 0, "unproved", undefined],
    ["an answer of somebody else", "hello", 0, "unproved", undefined],
    ["a refused connection", "curl: (7) refused", 1, "unproved", undefined],
    ["an image without a client", "", 127, "proved", "registration"],
    ["an image without a shell", "", 126, "proved", "registration"],
  ] as const)("by %s", async ([, output, exitCode, verdict, by], { expect }) => {
    const result = await proveEgress(printing(output, exitCode), PLACED, 1_000);
    expect([result.verdict, result.by]).toEqual([verdict, by]);
  });

  it("waits for a container that takes no commands yet", async ({ expect }) => {
    const port = containerPort({ exec: async () => await Promise.reject(new Error("not running")) });
    expect((await proveEgress(port, PLACED, 1_000)).verdict).toBe("refused");
  });

  it("says which it was, or that there is none yet", ({ expect }) => {
    const probes = [egressProbe()];
    expect(verifiedOf({ probes })).toBe("pending");
    expect(verifiedOf({ probes, verified: "probe" })).toBe("probe");
    expect(verifiedOf({ probes: [] })).toBe("registration");
    expect(verifiedOf({ probes: [], reach: "internal" })).toBe("open");
  });

  it("is a script that a shell understands, and that asks with what there is", async ({ expect }) => {
    let script = "";
    const port = containerPort({
      exec: async ([, , text = ""]) => {
        script = text;
        return { output: "", exitCode: 127 };
      },
    });
    await proveEgress(port, PLACED, 1_000);
    const server = createServer((_, answer) => answer.end(`${proofOf(PLACED)}\n`)).listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const address = server.address();
    const url = `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}/`;
    const asks = script.replace(/^u=.*$/m, `u=${url}`);
    const run = (path: string) =>
      new Promise<{ code: unknown; out: string }>((resolve) => {
        execFile("/bin/sh", ["-c", asks], { env: { ...process.env, PATH: path } }, (error, out) =>
          resolve({ code: error?.code ?? 0, out }),
        );
      });
    const here = process.execPath.slice(0, process.execPath.lastIndexOf("/"));
    const [withNode, without] = [await run(here), await run("/nowhere")];
    server.close();
    expect([withNode.code, withNode.out.trim()]).toEqual([0, proofOf(PLACED)]);
    expect(without.code).toBe(127);
  });
});
