/** What a job is, in one spelling: lengths of time in seconds, and one name for each thing. */
import { parseDuration } from "../../../src/duration.ts";
import { formatIndexes, parseIndexes } from "../../../src/jobs/index-set.ts";
import type { Json, JsonObject } from "../resource.ts";

const TIMES = ["backoff", "max_backoff", "timeout", "deadline", "ttl"];

export function secondsOf(value: Json | undefined): Json {
  const ms = typeof value === "number" || typeof value === "string" ? parseDuration(value) : null;
  return ms === null ? null : ms / 1_000;
}

/** As the job's schema gives it. */
export function spelledAlike({ vcpus, ...template }: JsonObject): JsonObject {
  const one: JsonObject = vcpus === undefined ? template : { ...template, vcpu: vcpus };
  const entries = Object.entries(one).map(([key, value]): [string, Json] => {
    if (TIMES.includes(key)) return [key, secondsOf(value)];
    return [key, key === "success_policy" ? rules(value) : value];
  });
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}

function rules(value: Json): Json {
  return (value as readonly JsonObject[]).map((rule) => {
    const { indexes } = rule;
    if (typeof indexes !== "string") return rule;
    return { ...rule, indexes: formatIndexes(parseIndexes(indexes) ?? []) };
  });
}
