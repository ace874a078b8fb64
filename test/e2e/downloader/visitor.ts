/** Somebody at the downloader's page in a real browser: what the page broke of its own rules on the way is noticed. */
import { readFile, stat } from "node:fs/promises";
import { createRequire } from "node:module";
import type { Browser, BrowserContext, BrowserContextOptions, Download, Locator, Page } from "playwright-core";

const AXE = createRequire(import.meta.url).resolve("axe-core/axe.min.js");

/** In the page: what its policy has stopped, and what a text that became markup would have left behind. */
const WATCH = `
  globalThis.violations = [];
  document.addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI, sample }) =>
    globalThis.violations.push([violatedDirective, blockedURI, sample].join(" ")));
`;

export interface Finding {
  readonly id: string;
  readonly targets: readonly string[];
}

export class Visitor {
  readonly context: BrowserContext;
  readonly page: Page;
  /** Every address that was asked for. */
  readonly urls: string[] = [];
  /** Scripts that failed. */
  readonly errors: string[] = [];

  private constructor(context: BrowserContext, page: Page) {
    this.context = context;
    this.page = page;
    page.on("pageerror", ({ message }) => this.errors.push(message));
    context.on("request", (request) => this.urls.push(request.url()));
  }

  /** At the page, and what it shows from the start is there. */
  static async come(browser: Browser, origin: string, options: BrowserContextOptions = {}): Promise<Visitor> {
    const context = await browser.newContext({ locale: "en-US", reducedMotion: "reduce", ...options });
    await context.addInitScript(WATCH);
    const visitor = new Visitor(context, await context.newPage());
    await visitor.page.goto(origin);
    await visitor.page.locator("#registries li").first().waitFor();
    return visitor;
  }

  get details(): Locator {
    return this.page.locator("#details");
  }

  async open(name: string): Promise<void> {
    await this.page.getByRole("button", { name, exact: true }).first().click();
  }

  /** What comes of a press on a button that downloads, once it is on the disk. */
  async takes(button: Locator): Promise<{ readonly file: string; readonly bytes: number; readonly name: string }> {
    const [download] = await Promise.all([this.page.waitForEvent("download"), button.click()]);
    return await saved(download);
  }

  /** What is wrong by the rules of WCAG 2.2, AA, and by what else is known to be good. */
  async audit(): Promise<Finding[]> {
    await this.page.evaluate(await readFile(AXE, "utf8"));
    const found = await this.page.evaluate<{ violations: { id: string; nodes: { target: string[] }[] }[] }>(
      "axe.run()",
    );
    return found.violations.map(({ id, nodes }) => ({ id, targets: nodes.map(({ target }) => target.join(" ")) }));
  }

  /** Pixels by which something is wider than the window. */
  async overflow(): Promise<number> {
    return await this.page.evaluate<number>("document.documentElement.scrollWidth - innerWidth");
  }

  /** What went wrong in the page: nothing should. */
  async leave(): Promise<readonly string[]> {
    const violations = await this.page.evaluate<string[]>("globalThis.violations");
    await this.context.close();
    return [...violations, ...this.errors];
  }
}

export async function saved(download: Download) {
  const file = await download.path();
  return { file, bytes: (await stat(file)).size, name: download.suggestedFilename() };
}
