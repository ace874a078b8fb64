import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "vitest";
import { judge, Launch } from "./launch-record.ts";
import { identify, isAlive, type ProcessId } from "./processes.ts";

const alive =
  (...processes: ProcessId[]) =>
  (process: ProcessId) =>
    processes.includes(process);

async function bystander() {
  const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"]);
  await once(child, "spawn");
  return { child, id: identify(child.pid ?? 0) ?? { pid: 0, startedAt: "" } };
}

describe("the record of an earlier launch", () => {
  const launcher = { pid: 1, startedAt: "a" };
  const workerd = { pid: 2, startedAt: "b" };
  const record = { launcher, processes: [workerd, { pid: 3, startedAt: "c" }] };

  it("says nothing where there is none, or nothing of it is left", ({ expect }) => {
    expect(judge(undefined, alive(launcher))).toEqual({ type: "free" });
    expect(judge(record, alive())).toEqual({ type: "free" });
  });

  it("names a launcher that lives", ({ expect }) => {
    expect(judge(record, alive(launcher, workerd))).toEqual({ type: "live", pid: 1 });
  });

  it("names the processes that a dead launcher left", ({ expect }) => {
    expect(judge(record, alive(workerd))).toEqual({ type: "left", processes: [workerd] });
  });
});

describe("a launch", () => {
  let folder: string;
  let path: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "gantry-record-"));
    path = join(folder, "launch-1234.json");
  });
  afterEach(() => rm(folder, { recursive: true }));

  it("is refused while another launcher has the port", async ({ expect }) => {
    const { child, id } = await bystander();
    await writeFile(path, JSON.stringify({ launcher: id, processes: [] }));
    await expect(Launch.claim(folder, 1234, () => undefined)).rejects.toThrow(
      `Gantry already runs here on port 1234 (process ${child.pid})`,
    );
    child.kill("SIGKILL");
  });

  it("ends what a killed launcher left, and not a process that took over its pid", async ({ expect }) => {
    const left = await bystander();
    const stranger = await bystander();
    const dead = { pid: left.id.pid, startedAt: "long ago" };
    const reused = { pid: stranger.id.pid, startedAt: "long ago" };
    await writeFile(path, JSON.stringify({ launcher: dead, processes: [left.id, reused] }));
    const lines: string[] = [];
    const launch = await Launch.claim(folder, 1234, (line) => lines.push(line));
    expect(lines).toEqual(["Ended 1 processes that an earlier run left behind."]);
    expect(isAlive(left.id)).toBe(false);
    expect(isAlive(stranger.id)).toBe(true);
    stranger.child.kill("SIGKILL");
    launch.release();
  });

  it("records its processes until it is released, and starts over on a broken record", async ({ expect }) => {
    await writeFile(path, "{ broken");
    const launch = await Launch.claim(folder, 1234, () => undefined);
    launch.addProcess(process.pid);
    const self = identify(process.pid);
    expect(JSON.parse(await readFile(path, "utf8"))).toEqual({ launcher: self, processes: [self] });
    launch.release();
    await expect(readFile(path)).rejects.toThrow(/ENOENT/);
  });
});
