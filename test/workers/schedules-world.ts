/** What tests of schedules share. They travel in time, and take the objects with them: its clock goes on from there. */
import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { vi } from "vitest";
import type { Application } from "../../src/orchestrator/application.ts";
import { applicationStub } from "../../src/stubs.ts";
import { call, eventually, eventsOf, testEnv } from "./client.ts";
import { task } from "./jobs-world.ts";

type Json = Record<string, unknown>;

export const MINUTE_MS = 60_000;
export const HOUR_MS = 60 * MINUTE_MS;

const realNow = Date.now.bind(Date);
let offset = 0;

/** Until the end of the test; later ones in the file begin now again. */
export function travelTo(at: number): void {
  offset = at - realNow();
  if (!vi.isMockFunction(Date.now)) vi.spyOn(Date, "now").mockImplementation(() => realNow() + offset);
}

/** An hour later than now, on the hour. */
export function nextHour(): number {
  return Math.ceil((Date.now() + 1) / HOUR_MS) * HOUR_MS;
}

export const hourly = (more: Json = {}): Json => ({ cron: "0 * * * *", job: task("exit=0"), ...more });

// oxlint-disable-next-line typescript/no-explicit-any -- a test's view of JSON
export async function createSchedule(id: string, body: Json): Promise<any> {
  const { status, result, errors } = await call("POST", `/applications/${id}/schedules`, { name: "nightly", ...body });
  if (status !== 201) throw new Error(JSON.stringify(errors));
  return result;
}

// oxlint-disable-next-line typescript/no-explicit-any -- a test's view of JSON
export async function scheduleOf(id: string, name = "nightly"): Promise<any> {
  return (await call("GET", `/applications/${id}/schedules/${name}`)).result;
}

// oxlint-disable-next-line typescript/no-explicit-any -- a test's view of JSON
export async function jobsOf(id: string, schedule = "nightly"): Promise<any[]> {
  return (await call("GET", `/applications/${id}/jobs?schedule=${schedule}&per_page=100`)).result;
}

export const finished = (id: string, count: number) =>
  eventually(async () => {
    const jobs = await jobsOf(id);
    return jobs.filter(({ finished_at: at }) => at !== null).length === count && jobs;
  });

/** The alarm of the application, as the platform rings it. False: none was set. */
export async function ring(id: string): Promise<boolean> {
  return await runDurableObjectAlarm(applicationStub(testEnv, id));
}

export async function ringAt(id: string, at: number): Promise<boolean> {
  travelTo(at);
  return await ring(id);
}

export async function alarmOf(id: string): Promise<number | null> {
  return await runInDurableObject(applicationStub(testEnv, id), (_: Application, { storage }) => storage.getAlarm());
}

/** As if the platform had forgotten it. */
export async function loseAlarm(id: string): Promise<void> {
  await runInDurableObject(applicationStub(testEnv, id), (_: Application, { storage }) => storage.deleteAlarm());
}

export async function told(id: string, name: string): Promise<Json[]> {
  return (await eventsOf(id)).filter((event) => event.name === name).map(({ details }) => details);
}
