/** Slots of schedules while their objects die at random: between two writes, before and after each call, again and again. */
import { describe, it } from "vitest";
import { applicationStub } from "../../src/stubs.ts";
import { testEnv } from "./client.ts";
import { task } from "./jobs-world.ts";
import { World } from "./mortal-world.ts";
import { turnOnMortality } from "./mortality.ts";
import { HOUR_MS, nextHour, ring, travelTo } from "./schedules-world.ts";

turnOnMortality();

const SLOTS = 8;

describe("slots of a schedule whose objects die", () => {
  it.for([1, 2, 3, 4, 5, 6])("run once each, seed %i", async (seed, { expect }) => {
    const world = await World.make(seed, "schedules");
    const id = await world.create({ instances: 0, jobs: true });
    world.arm(id);
    const path = `/applications/${id}/schedules`;
    const sized = seed % 2 === 0 ? { vcpu: 1, memory_mib: 3_072 } : {};
    const job = { ...task("exit=0"), ...sized };
    const body = { cron: "0 * * * *", history: { succeeded: 100, failed: 100 }, job };
    await world.insist("POST", path, { name: "nightly", ...body });
    const first = nextHour();
    const pokes = async () => {
      const rung = [ring(id), applicationStub(testEnv, id).pokeCron(), applicationStub(testEnv, id).pokeCron()];
      await Promise.allSettled(rung.map(async (each) => await each));
    };
    for (let slot = 0; slot < SLOTS; slot += 1) {
      travelTo(first + slot * HOUR_MS);
      await pokes();
      // An edit in between fires nothing, and loses nothing.
      if (slot % 3 === 2) await world.insist("PUT", `${path}/nightly`, { ...body, starting_deadline: 3_600 + slot });
      // Whoever died before it was written: the alarm is rung again until it was not in vain.
      for (let again = 0; again < 20; again += 1) {
        const { status } = (await world.insist("GET", `${path}/nightly`)).result;
        if (Date.parse(status.next_run_at) > first + slot * HOUR_MS) break;
        await pokes();
      }
    }
    world.fate.end();
    await pokes();
    const { result: jobs } = await world.insist("GET", `/applications/${id}/jobs?per_page=100`);
    const times: string[] = jobs.map((each: { scheduled_at: string }) => each.scheduled_at);
    const expected = Array.from({ length: SLOTS }, (_, slot) => new Date(first + slot * HOUR_MS).toISOString());
    expect(times.toSorted(), world.story()).toEqual(expected);
    const { status } = (await world.insist("GET", `${path}/nightly`)).result;
    expect(status).toMatchObject({ fired: SLOTS, skipped: 0, missed: 0 });
  });
});
