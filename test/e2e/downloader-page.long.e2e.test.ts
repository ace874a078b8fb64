/**
 * The downloader's page in a real browser, with the server as it is in its image, and a real registry: what visitors come
 * for, what they are told when it does not go well, and that nothing a registry says can do anything.
 */
import { chromium, type Browser, type BrowserContextOptions } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, inject, it } from "vitest";
import { inspect, sha256OfFile, throughSkopeo } from "./downloader/consumers.ts";
import { startHostileRegistry } from "./downloader/hostile-registry.ts";
import { startDownloader, type Downloader } from "./downloader/server.ts";
import { Visitor } from "./downloader/visitor.ts";
import { DownloaderWorld } from "./downloader/world.ts";

const found = inject("browser");
// The reason is printed when the run begins.
const isMissing = "obstacle" in found && process.env["CI"] !== "true";

let browser: Browser;
let world: DownloaderWorld;
const visitors: Visitor[] = [];

async function come(options: BrowserContextOptions = {}, origin = world.server.origin): Promise<Visitor> {
  const visitor = await Visitor.come(browser, origin, options);
  visitors.push(visitor);
  return visitor;
}

/** The one registry that the operator names, as Gantry's own is. */
function own(host: string): Record<string, string> {
  return { DOWNLOADER_REGISTRIES: JSON.stringify([{ host, url: `http://${host}`, title: "Gantry" }]) };
}

/** What it has sent just before is still in its memory else, and asked of nobody. */
async function forget(): Promise<void> {
  await world.restart({ env: own(world.proxy.host) });
}

async function another(env: Readonly<Record<string, string>>, work: (server: Downloader) => Promise<void>) {
  const server = await startDownloader({ env });
  try {
    await work(server);
  } finally {
    await server.stop();
  }
}

describe.skipIf(isMissing)("the downloader's page", () => {
  beforeAll(async () => {
    if ("obstacle" in found) throw new Error(found.obstacle);
    [browser, world] = await Promise.all([chromium.launch({ executablePath: found.path }), DownloaderWorld.create()]);
    await forget();
  });
  afterAll(async () => {
    await browser?.close();
    await world?.remove();
  });
  beforeEach(() => world.proxy.reset());
  afterEach(async ({ expect }) => {
    for (const visitor of visitors.splice(0)) expect(await visitor.leave()).toEqual([]);
  });

  it("gives a real archive in three clicks", async ({ expect }) => {
    const visitor = await come();
    await visitor.open("team/web");
    const { file, bytes, name } = await visitor.takes(visitor.details.getByRole("link", { name: "Download" }));
    const tag = await visitor.details.locator("input:checked").inputValue();
    expect(await throughSkopeo("oci-archive", file)).toEqual(await inspect(world.direct(tag)));
    expect(await sha256OfFile(file)).toBe(await sha256OfFile(await world.download(world.image(tag))));
    expect(name).toMatch(/^[\w.-]+\.tar$/);
    // It was told before, to the byte.
    const exact = await visitor.details.locator(".facts small").first().textContent();
    expect(exact).toBe(`${new Intl.NumberFormat("en").format(bytes)} bytes`);
    await visitor.page.locator(".transfer").getByText("sent whole").waitFor();
  });

  it("finds images, and shows their tags and layers", async ({ expect }) => {
    const visitor = await come();
    await visitor.page.getByLabel("Search images").fill("web");
    await visitor.page.getByRole("button", { name: "Search", exact: true }).click();
    await visitor.page.getByRole("heading", { name: "1 image for “web”" }).waitFor();
    await visitor.page.locator("#results").getByRole("button", { name: "team/web" }).click();
    await visitor.details.getByLabel("Filter tags").fill("wid");
    await visitor.details.getByRole("radio", { name: "wide" }).check();
    await visitor.details.getByText("5 layers and how they were made").click();
    const { layers } = await inspect(world.direct("wide"));
    const rows = visitor.details.locator("tbody code");
    expect(await rows.count()).toBe(layers.length);
    expect(await rows.evaluateAll((codes: { title: string }[]) => codes.map(({ title }) => title))).toEqual(layers);
    expect(await rows.first().textContent()).toBe("a test");
  });

  it("says where nothing is found", async ({ expect }) => {
    const visitor = await come();
    await visitor.page.getByLabel("Search images").fill("nothing-of-this-name");
    await visitor.page.keyboard.press("Enter");
    await visitor.page.getByRole("heading", { name: "No image found for “nothing-of-this-name”" }).waitFor();
    expect(await visitor.page.locator("#results .card").count()).toBe(0);
  });

  it("downloads what is named exactly", async ({ expect }) => {
    const visitor = await come();
    await visitor.page.getByLabel("Image reference").fill(world.image("layered"));
    const { file } = await visitor.takes(visitor.page.locator("#quick").getByRole("button", { name: "Download" }));
    expect(await throughSkopeo("oci-archive", file)).toEqual(await inspect(world.direct("layered")));
    await visitor.page.getByLabel("Image reference").fill("Not A Reference");
    await visitor.page.keyboard.press("Enter");
    await visitor.page.getByText("This is no image reference").waitFor();
  });

  it("shows how far a download is while it is under way", async ({ expect }) => {
    await forget();
    const visitor = await come();
    const [, , , , last] = (await inspect(world.direct("wide"))).layers;
    world.proxy.fault = ({ digest, before }) =>
      digest === last && before === 0 ? { kind: "stall", at: 1_000_000 } : null;
    await visitor.page.getByLabel("Image reference").fill(world.image("wide"));
    const begun = visitor.page.waitForEvent("download");
    await visitor.page.keyboard.press("Enter");
    const download = await begun;
    const progress = visitor.page.getByRole("progressbar", { name: `Progress of ${world.image("wide")}` });
    await visitor.page.getByText(/\d\sMB of 15\sMB/).waitFor();
    expect(await progress.evaluate(({ value }: { value: number }) => value)).toBeGreaterThan(0);
    expect(await progress.evaluate(({ value }: { value: number }) => value)).toBeLessThan(1);
    await download.cancel();
    await visitor.page.getByText("The connection was cut.").waitFor();
    await visitor.page.getByRole("button", { name: "Copy the command that resumes it" }).waitFor();
  });

  it("says that a download has failed, and never ends it as if it had not", async ({ expect }) => {
    await forget();
    const visitor = await come();
    world.proxy.fault = () => ({ kind: "flip", at: 1_000 });
    await visitor.page.getByLabel("Image reference").fill(world.image("wide"));
    const begun = visitor.page.waitForEvent("download");
    await visitor.page.keyboard.press("Enter");
    expect(await (await begun).failure()).not.toBeNull();
    await visitor.page.getByText("The download failed").first().waitFor();
  });

  it("puts several images into one archive, and remembers what was downloaded", async ({ expect }) => {
    const visitor = await come();
    for (const tag of ["layered", "mixed"]) {
      await visitor.open("team/web");
      await visitor.details.getByRole("radio", { name: tag }).check();
      await visitor.details.getByRole("button", { name: "Add to archive" }).click();
      await visitor.page.keyboard.press("Escape");
    }
    await visitor.page.getByRole("button", { name: "Archive: 2 images" }).click();
    const { file } = await visitor.takes(visitor.page.locator("#basket").getByRole("link", { name: "Download" }));
    const both = await world.download([world.image("layered"), world.image("mixed")]);
    expect(await sha256OfFile(file)).toBe(await sha256OfFile(both));
    await visitor.page.keyboard.press("Escape");
    await visitor.page.reload();
    await visitor.page.getByRole("button", { name: "History" }).click();
    const entry = `${world.image("layered")} + 1`;
    const again = await visitor.takes(visitor.page.getByRole("button", { name: `Download ${entry} again` }));
    expect(await sha256OfFile(again.file)).toBe(await sha256OfFile(both));
    await visitor.page.getByRole("button", { name: "Clear history" }).click();
    await visitor.page.getByText("Nothing was downloaded yet.").waitFor();
  });

  it("lists the platforms that there are where the chosen one is missing", async ({ expect }) => {
    const visitor = await come();
    await visitor.page.locator("#platform").selectOption("windows/amd64");
    await visitor.open("team/web");
    await visitor.details.getByRole("radio", { name: "platforms" }).check();
    await visitor.details.getByText("There is no variant for windows/amd64").waitFor();
    await visitor.details.getByRole("button", { name: "linux/arm64" }).click();
    const { file } = await visitor.takes(visitor.details.getByRole("link", { name: "Download" }));
    const arm = await world.download(world.image("platforms"), { platform: "linux/arm64" });
    expect(await sha256OfFile(file)).toBe(await sha256OfFile(arm));
  });

  it("asks for the password of a private image, and has it in no address and no store", async ({ expect }) => {
    world.proxy.user = { user: "somebody", password: "very secret/ä&=" };
    const visitor = await come();
    await visitor.page.getByLabel("Image reference").fill(world.image("layered"));
    await visitor.page.keyboard.press("Enter");
    await visitor.page.getByRole("button", { name: "Sign in" }).click();
    await visitor.details.getByText("The registry asks for a user and a password").waitFor();
    await visitor.details.getByLabel("User").fill("somebody");
    await visitor.details.getByLabel("Password or token").fill("wrong");
    await visitor.page.keyboard.press("Enter");
    await visitor.details.getByText("does not accept this user and password").waitFor();
    await visitor.details.getByLabel("Password or token").fill(world.proxy.user.password);
    await visitor.page.keyboard.press("Enter");
    const { file, bytes } = await visitor.takes(visitor.details.getByRole("button", { name: "Download" }));
    const exact = await visitor.details.locator(".facts small").first().textContent();
    expect(exact).toBe(`${new Intl.NumberFormat("en").format(bytes)} bytes`);
    await visitor.page.locator(".transfer").getByText("sent whole").waitFor();
    await visitor.page.keyboard.press("Escape");
    const traces = [
      ...visitor.urls.map((url) => decodeURIComponent(url)),
      await visitor.page.evaluate<string>("JSON.stringify([localStorage, sessionStorage, document.cookie])"),
      await visitor.page.content(),
      world.server.output(),
    ];
    expect(traces.join("\n")).not.toContain("very secret");
    world.proxy.user = null;
    expect(await throughSkopeo("oci-archive", file)).toEqual(await inspect(world.direct("layered")));
  });

  it("shows a hostile registry's markup as text, everywhere", async ({ expect }) => {
    const hostile = await startHostileRegistry();
    const env = { ...own(hostile.host), DOWNLOADER_HUB_URL: `http://${hostile.host}` };
    await another(env, async (server) => {
      const visitor = await come({}, server.origin);
      await visitor.page.getByText("globalThis.hacked").first().waitFor();
      await visitor.page.getByLabel("Search images").fill("<img src=x onerror=globalThis.hacked=1>");
      await visitor.page.keyboard.press("Enter");
      await visitor.page.locator("#results .card-text").first().waitFor();
      await visitor.open("team/web");
      await visitor.details.getByText("1 layer and how they were made").click();
      await visitor.details.locator("tbody code").getByText("globalThis.hacked").first().waitFor();
      await visitor.page.keyboard.press("Escape");
      await visitor.page.getByLabel("Image reference").fill(`${hostile.host}/team/web:none`);
      await visitor.page.keyboard.press("Enter");
      await visitor.page.locator("#quick-message .notice").waitFor();
      expect(await visitor.page.evaluate("globalThis.hacked")).toBeUndefined();
      const strangers = "[onerror], [onload], main script, main img, main svg:not([aria-hidden])";
      expect(await visitor.page.locator(strangers).count()).toBe(0);
      expect(visitor.urls.filter((url) => !url.startsWith(server.origin))).toEqual([]);
    });
    await hostile.stop();
  });

  it("says so where Docker Hub is not in reach, and offers what is", async ({ expect }) => {
    const visitor = await come();
    await visitor.page.getByText("Docker Hub is not in reach from here").waitFor();
    await visitor.page.getByText("In reach: Gantry.").waitFor();
    await visitor.page.locator("#own").getByRole("button", { name: "team/web" }).waitFor();
    expect(await visitor.page.locator("#popular").isVisible()).toBe(false);
  });

  it("tells whoever asks too often when to ask again", async ({ expect }) => {
    await another({ ...own(world.proxy.host), DOWNLOADER_RATE_LIMIT: "4" }, async (server) => {
      const visitor = await come({}, server.origin);
      await visitor.page.getByLabel("Image reference").fill(world.image("layered"));
      for (let press = 0; press < 4; press++) await visitor.page.keyboard.press("Enter");
      const notice = visitor.page.locator("#quick-message .notice");
      await notice.getByText("Too many requests").waitFor();
      expect(await notice.textContent()).toMatch(/Try again in \d+ seconds?\./);
    });
  });

  it("can be used with the keys alone", async ({ expect }) => {
    const { page, details } = await come();
    await page.keyboard.press("Tab");
    const focused = () => page.evaluate<string>("document.activeElement.textContent.trim()");
    expect(await focused()).toBe("Skip to the content");
    await page.keyboard.press("Enter");
    const card = page.locator("#own").getByRole("button", { name: "team/web" });
    await card.waitFor();
    for (let tabs = 0; tabs < 20 && (await focused()) !== "team/web"; tabs++) await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    const link = details.getByRole("link", { name: "Download" });
    await link.waitFor();
    expect(await page.evaluate<boolean>("document.activeElement.closest('#details') !== null")).toBe(true);
    for (let tabs = 0; tabs < 30 && (await focused()) !== "Download"; tabs++) await page.keyboard.press("Tab");
    const begun = page.waitForEvent("download");
    await page.keyboard.press("Enter");
    expect(await (await begun).failure()).toBeNull();
    // Round and round: the focus never leaves the sheet.
    for (let tabs = 0; tabs < 30; tabs++) {
      await page.keyboard.press("Tab");
      const inside =
        "['BODY', 'HTML'].includes(document.activeElement.tagName) || !!document.activeElement.closest('dialog')";
      expect(await page.evaluate<boolean>(inside)).toBe(true);
    }
    await page.keyboard.press("Escape");
    expect(await focused()).toBe("team/web");
  });

  it.for([
    ["en-GB", "en", "Any container image, as one file"],
    ["pt-PT", "pt-BR", "Qualquer imagem de contêiner, em um só arquivo"],
    ["zh-TW", "zh-CN", "任何容器镜像，一个文件"],
    ["fr-FR", "en", "Any container image, as one file"],
  ] as const)("speaks to a visitor of %s in %s", async ([locale, lang, headline], { expect }) => {
    const { page } = await come({ locale });
    expect(await page.locator("h1").textContent()).toBe(headline);
    expect(await page.locator("html").getAttribute("lang")).toBe(lang);
  });

  it("keeps the language and the colours that were chosen", async ({ expect }) => {
    const { page } = await come({ colorScheme: "light" });
    await page.getByLabel("Language").selectOption("zh");
    await page.getByLabel("配色").selectOption("dark");
    await page.reload();
    await page.getByRole("heading", { name: "任何容器镜像，一个文件" }).waitFor();
    expect(await page.locator("html").getAttribute("lang")).toBe("zh-CN");
    const background = await page.evaluate<string>("getComputedStyle(document.body).backgroundColor");
    expect(background).toBe("rgb(14, 17, 22)");
  });

  it.for([
    ["en", "light", 1280],
    ["en", "dark", 1280],
    ["pt", "light", 360],
    ["zh", "dark", 360],
  ] as const)("passes an audit of accessibility: %s, %s, %d px", async ([locale, colorScheme, width], { expect }) => {
    const visitor = await come({ locale, colorScheme, viewport: { width, height: 780 } });
    await visitor.page.locator("#own .card").first().waitFor();
    expect(await visitor.audit()).toEqual([]);
    expect(await visitor.overflow()).toBe(0);
    await visitor.open("team/web");
    const link = visitor.details.locator("a.primary");
    await link.waitFor();
    for (const fold of await visitor.details.locator("summary").all()) await fold.click();
    expect(await visitor.audit()).toEqual([]);
    expect(await visitor.overflow()).toBe(0);
    expect(await visitor.details.evaluate(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth)).toBe(0);
    await visitor.details.locator(".actions button").click();
    await visitor.takes(link);
    expect(await visitor.audit()).toEqual([]);
    await visitor.page.keyboard.press("Escape");
    for (const id of ["basket", "history"]) {
      await visitor.page.locator(`#open-${id}`).click();
      await visitor.page.locator(`#${id} .rows`).waitFor();
      expect(await visitor.audit()).toEqual([]);
      expect(await visitor.overflow()).toBe(0);
      await visitor.page.keyboard.press("Escape");
    }
  });

  it("has nothing of another origin, and a policy that allows none", async ({ expect }) => {
    const { page, urls } = await come();
    const answer = await page.request.get(world.server.origin);
    const policy = answer.headers()["content-security-policy"] ?? "";
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toMatch(/unsafe|\*|https?:/);
    expect(urls.filter((url) => !url.startsWith(world.server.origin))).toEqual([]);
    expect(await answer.text()).not.toMatch(/\son\w+=|style=|javascript:/);
  });
});
