import { describe, it, vi } from "vitest";
import type { ObservedPlace } from "../orchestrator/placement/placing.ts";
import { EXEC_TIMEOUT_MS, placeIn, PlaceReader } from "./place-reader.ts";
import type { ContainerPort, Executed } from "./port.ts";

/** Reads by what `exec` answers; only that is used of the port. */
async function read(exec: ContainerPort["exec"], isLive = () => true) {
  vi.useFakeTimers();
  const told: (ObservedPlace | null)[] = [];
  const spy = vi.fn<ContainerPort["exec"]>(exec);
  const reader = new PlaceReader({
    port: { exec: spy } as Partial<ContainerPort> as ContainerPort,
    isLive,
    onRead: (_, place) => void told.push(place),
  });
  try {
    const both = Promise.all([reader.read(1), reader.read(1)]);
    await vi.advanceTimersByTimeAsync(120_000);
    await both;
  } finally {
    vi.useRealTimers();
  }
  return { told, calls: spy.mock.calls };
}

const PRINTED = "CLOUDFLARE_LOCATION=mad01\nCLOUDFLARE_REGION=weur\nCLOUDFLARE_COUNTRY_A2=ES\n";
const MADRID = { location: "mad01", region: "WEUR", country: "ES" };
const answering = (exitCode: number, output: string) => async (): Promise<Executed> => ({ exitCode, output });

describe("a place", () => {
  it("is read once, with a bound on the time", async ({ expect }) => {
    const { told, calls } = await read(answering(0, PRINTED));
    expect(told).toEqual([MADRID]);
    expect(calls.map(([command, ms]) => [command[0], ms])).toEqual([["/bin/sh", EXEC_TIMEOUT_MS]]);
  });

  it("is read by env where there is no shell", async ({ expect }) => {
    const { told } = await read(async ([program]) => {
      return program === "env" ? { exitCode: 0, output: `PATH=/bin\n${PRINTED}` } : { exitCode: 127, output: "" };
    });
    expect(told).toEqual([MADRID]);
  });

  it("is unknown where neither is there, or nothing is said", async ({ expect }) => {
    expect((await read(answering(127, ""))).told).toEqual([null]);
    expect((await read(answering(0, "CLOUDFLARE_LOCATION=\nCLOUDFLARE_REGION=\n"))).told).toEqual([null]);
  });

  it("is asked again while the container takes no commands, and unknown in the end", async ({ expect }) => {
    let left = 3;
    const late = await read(async () => {
      if ((left -= 1) >= 0) throw new Error("not yet");
      return { exitCode: 0, output: PRINTED };
    });
    expect(late.told).toEqual([MADRID]);
    const never = await read(async () => {
      throw new Error("never");
    });
    expect([never.told, never.calls.length]).toEqual([[null], 18]);
  });

  it("of a container that is over is nobody's concern", async ({ expect }) => {
    expect((await read(answering(0, PRINTED), () => false)).told).toEqual([]);
  });

  it("is only what was asked for, cut to a size", ({ expect }) => {
    expect(placeIn(`SECRET=x\nCLOUDFLARE_REGION=${"e".repeat(100)}`)).toEqual({
      location: null,
      region: "E".repeat(64),
      country: null,
    });
  });
});
