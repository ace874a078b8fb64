/**
 * What this process has done, as Prometheus reads it. Labels are of closed sets: names of routes and codes, never of
 * images or addresses, which anybody could invent without end.
 */
import { Family, type Labels } from "../../../src/metrics/exposition.ts";
import { Histogram } from "./histogram.ts";

export { CONTENT_TYPE } from "../../../src/metrics/exposition.ts";

export type CacheName = "layers" | "metadata";
export type CacheResult = "hit" | "miss" | "error";
/** A request of R2 that changes or lists something is billed as class A, one that reads as class B. */
export type R2Operation = "read" | "write" | "list" | "delete";

export class Metrics {
  readonly #requests = new Map<string, { labels: Labels; count: number }>();
  readonly #errors = new Map<string, { labels: Labels; count: number }>();
  readonly #durations = new Map<string, Histogram>();
  readonly #cache = new Map<string, { labels: Labels; count: number }>();
  readonly #r2Operations = new Map<string, { labels: Labels; count: number }>();
  readonly #r2Bytes = new Map<string, { labels: Labels; count: number }>();
  #sent = 0;
  #active = 0;
  #refused = 0;

  answered(route: string, method: string, status: number, seconds: number): void {
    raise(this.#requests, { route, method, status: String(status) });
    const durations = this.#durations.get(route) ?? new Histogram();
    this.#durations.set(route, durations);
    durations.observe(seconds);
  }

  failed(route: string, code: string): void {
    raise(this.#errors, { route, code });
  }

  cached(cache: CacheName, result: CacheResult): void {
    raise(this.#cache, { cache, result });
  }

  r2(operation: R2Operation): void {
    raise(this.#r2Operations, { operation });
  }

  r2Bytes(direction: "read" | "written", bytes: number): void {
    raise(this.#r2Bytes, { direction }, bytes);
  }

  sent(bytes: number): void {
    this.#sent += bytes;
  }

  limited(): void {
    this.#refused += 1;
  }

  downloads(change: 1 | -1): void {
    this.#active += change;
  }

  text(): string {
    const families = [
      counter("downloader_requests_total", "Requests that were answered.", this.#requests),
      counter("downloader_errors_total", "Requests that were refused or failed, by code.", this.#errors),
      counter("downloader_cache_total", "Look-ups in the caches.", this.#cache),
      counter("downloader_r2_operations_total", "Requests to R2, which are the bill.", this.#r2Operations),
      counter("downloader_r2_bytes_total", "Bytes of layers from and to R2.", this.#r2Bytes),
      single("downloader_sent_bytes_total", "counter", "Bytes of archives that were sent.", this.#sent),
      single("downloader_rate_limited_total", "counter", "Requests over the limit of their client.", this.#refused),
      single("downloader_downloads_active", "gauge", "Archives on their way.", this.#active),
      single("downloader_memory_bytes", "gauge", "Resident memory of the server.", process.memoryUsage.rss()),
    ];
    return families.join("") + durationsText(this.#durations);
  }
}

function raise(
  counts: Map<string, { labels: Labels; count: number }>,
  labels: Readonly<Record<string, string>>,
  by = 1,
): void {
  const key = JSON.stringify(labels);
  const found = counts.get(key);
  if (found === undefined) counts.set(key, { labels: Object.entries(labels), count: by });
  else found.count += by;
}

function counter(name: string, help: string, counts: Map<string, { labels: Labels; count: number }>): Family {
  const family = new Family(name, "counter", help);
  for (const { labels, count } of counts.values()) family.add(labels, count);
  return family;
}

function single(name: string, type: "counter" | "gauge", help: string, value: number): Family {
  const family = new Family(name, type, help);
  family.add([], value);
  return family;
}

/** Its samples have other names than the family, which `Family` has no way to say. */
function durationsText(durations: ReadonlyMap<string, Histogram>): string {
  const name = "downloader_request_duration_seconds";
  const lines = [`# HELP ${name} From a request to the end of its answer.`, `# TYPE ${name} histogram`];
  for (const [route, histogram] of durations) {
    const { buckets, sum, count } = histogram.read();
    for (const [most, within] of buckets) lines.push(`${name}_bucket{route="${route}",le="${most}"} ${within}`);
    lines.push(`${name}_sum{route="${route}"} ${sum}`, `${name}_count{route="${route}"} ${count}`);
  }
  return `${lines.join("\n")}\n`;
}
