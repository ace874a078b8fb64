/**
 * Finds Chromium for tests that need a real browser, or installs Debian's where that is possible, as `engine.ts` does with
 * Docker. Nothing is downloaded but from the distribution.
 */
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { withLock } from "./lock.ts";
import { installPackages } from "./apt.ts";

/** A program that speaks Chromium's protocol, or why there is none. */
export type Browser = { readonly path: string } | { readonly obstacle: string };

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"];
const ELSEWHERE = ["/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"];
const PACKAGE = "chromium";

export interface BrowserOptions {
  /** The project's folder for locks. */
  readonly stateDir: string;
  readonly log: (line: string) => void;
}

export async function ensureBrowser({ stateDir, log }: BrowserOptions): Promise<Browser> {
  const found = findBrowser();
  if (found !== undefined) return { path: found };
  const obstacle = whyNoBrowser();
  if (obstacle !== undefined) return { obstacle };
  return await withLock(join(stateDir, "browser.lock"), async () => {
    // Another run may have installed it while this one waited.
    if (findBrowser() === undefined) {
      const failure = await install(log);
      if (failure !== undefined) return { obstacle: failure };
    }
    const path = findBrowser();
    return path === undefined ? { obstacle: `apt-get installed ${PACKAGE}, and there is still no browser` } : { path };
  });
}

type Environment = Readonly<Record<string, string | undefined>>;

/** `CHROME_PATH` alone where it is set, else the usual names on PATH. */
export function findBrowser(env: Environment = process.env): string | undefined {
  const chosen = env["CHROME_PATH"];
  if (chosen !== undefined && chosen !== "") return existsSync(chosen) ? chosen : undefined;
  const folders = (env["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "");
  const candidates = NAMES.flatMap((name) => folders.map((folder) => join(folder, name)));
  return [...candidates, ...ELSEWHERE].find((path) => existsSync(path));
}

/** One line on why a browser cannot be installed here and what to do, or undefined where it can. */
export function whyNoBrowser(
  env: Environment = process.env,
  uid: number = process.getuid?.() ?? -1,
  hasApt: boolean = existsSync("/usr/bin/apt-get"),
): string | undefined {
  const chosen = env["CHROME_PATH"];
  if (chosen !== undefined && chosen !== "") return `CHROME_PATH is ${chosen}, and there is no such program.`;
  if (hasApt && uid === 0) return undefined;
  return hasApt
    ? "There is no Chromium: install it (sudo apt-get install chromium), or set CHROME_PATH."
    : "There is no Chromium: install Chrome or Chromium, or set CHROME_PATH.";
}

async function install(log: (line: string) => void): Promise<string | undefined> {
  log(`Installing ${PACKAGE} with apt-get`);
  try {
    await installPackages([PACKAGE]);
    return undefined;
  } catch (error) {
    return `Chromium could not be installed: ${error instanceof Error ? error.message : String(error)}`;
  }
}
