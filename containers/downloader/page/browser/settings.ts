/** The visitor's platform and format, the same in each place where they can be chosen. */
import { h } from "./dom.ts";
import { t } from "./language.ts";
import { FORMATS, isFormat, PLATFORMS, type Format } from "./requests.ts";
import { keep, kept } from "./storage.ts";

const DEFAULT_PLATFORM = "linux/amd64";
const listeners = new Set<() => void>();

/** A platform by its grammar; what else is kept or typed is no platform. */
const PLATFORM = /^[a-z0-9]+\/[a-z0-9_]+(\/[a-z0-9.]+)?$/;

export function platform(): string {
  const chosen = kept("platform");
  return chosen !== null && PLATFORM.test(chosen) ? chosen : DEFAULT_PLATFORM;
}

/** Else it is only what most people need. */
export function isPlatformChosen(): boolean {
  return kept("platform") !== null;
}

export function format(): Format {
  const chosen = kept("format");
  return isFormat(chosen) ? chosen : "hybrid";
}

export function choosePlatform(value: string): void {
  keep("platform", value);
  for (const listener of listeners) listener();
}

export function chooseFormat(value: string): void {
  keep("format", value);
  for (const listener of listeners) listener();
}

export function onSettings(listener: () => void): void {
  listeners.add(listener);
}

/** With those that an image has before the usual ones, where it is known what it has. */
export function fillPlatforms(select: HTMLSelectElement, chosen: string, offered: readonly string[] = PLATFORMS): void {
  const names = offered.includes(chosen) ? offered : [...offered, chosen];
  select.replaceChildren(...names.map((name) => h("option", { value: name }, name)));
  select.value = chosen;
}

export function fillFormats(select: HTMLSelectElement): void {
  const labels = { hybrid: t().formatHybrid, docker: t().formatDocker, oci: t().formatOci };
  select.replaceChildren(...FORMATS.map((name) => h("option", { value: name }, labels[name])));
  select.value = format();
}
