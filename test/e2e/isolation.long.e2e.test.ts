/**
 * A hostile application against a page of the control plane that holds a token, in a real browser: from hosts of its own,
 * where its scripts run, and under `/a/…`, where it shares the control plane's origin.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { chromium, type Browser, type BrowserContext, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, inject, it } from "vitest";
import { ControlPlane } from "./control-plane.ts";

const SECRET = "the-token-of-the-dashboard";
const HOSTNAME = "hostile.test";
const found = inject("browser");
// The reason is printed when the run begins.
const isMissing = "obstacle" in found && process.env["CI"] !== "true";

const plane = new ControlPlane();
let browser: Browser;
let control = "";
let port = "";

interface Seen {
  readonly path: string;
  readonly cookie?: string;
  readonly authorization?: string;
  readonly referer?: string;
}

/** What the application was sent so far. */
async function seen(): Promise<Seen[]> {
  // Its host answers with the memory of the pool's one instance, the path with that of the one called by name.
  const answers = [await plane.ingress("hostile", "/seen"), await plane.fetch("/a/hostile/@one/seen")];
  return answers.flatMap(({ body }) => JSON.parse(body) as Seen[]);
}

/** Its documentation page. What that renders takes seconds and is not what this is about. */
async function openControl(context: BrowserContext): Promise<Page> {
  const page = await context.newPage();
  const answer = await page.goto(`${control}/docs`, { waitUntil: "commit" });
  await page.evaluate("window.stop()");
  // Neither from a cache that somebody else has filled, nor from a worker.
  if (answer?.headers()["x-request-id"] === undefined) throw new Error("this is not the control plane's page");
  return page;
}

/** A page of the control plane with the secret wherever a page can keep one. */
async function holder(): Promise<{ context: BrowserContext; page: Page }> {
  const context = await browser.newContext();
  const page = await openControl(context);
  await page.evaluate(`(async () => {
    localStorage.token = sessionStorage.token = ${JSON.stringify(SECRET)};
    document.cookie = "token=${SECRET}; path=/; SameSite=Lax";
    await (await caches.open("token")).put("/token", new Response(${JSON.stringify(SECRET)}));
    await new Promise((resolve, reject) => {
      const request = indexedDB.open("token");
      request.onupgradeneeded = () => request.result.createObjectStore("token").put(${JSON.stringify(SECRET)}, "token");
      request.onsuccess = () => (request.result.close(), resolve());
      request.onerror = reject;
    });
  })()`);
  return { context, page };
}

const HOLDINGS = `(async () => [
  localStorage.token,
  sessionStorage.token,
  document.cookie,
  await (await caches.match("/token"))?.text(),
  (await indexedDB.databases()).map(({ name }) => name).join(),
  (await navigator.serviceWorker.getRegistrations()).length,
])()`;
const HELD = [SECRET, SECRET, `token=${SECRET}`, SECRET, "token", 0];

/** Nothing was taken out, put in or replaced. */
async function isUntouched(page: Page): Promise<boolean> {
  const held = await page.evaluate(HOLDINGS);
  const again = await openControl(page.context());
  await again.close();
  const cookies = await page.context().cookies(control);
  const isAlone = cookies.length === 1 && cookies[0]?.value === SECRET;
  return isAlone && JSON.stringify(held) === JSON.stringify(HELD);
}

describe.skipIf(isMissing)("a hostile application", () => {
  beforeAll(async () => {
    if ("obstacle" in found) throw new Error(found.obstacle);
    const texts = ["server.mjs", "attack.js"].map((name) =>
      readFile(join(import.meta.dirname, "hostile", name), "utf8"),
    );
    const [server = "", attack = ""] = await Promise.all(texts);
    [browser] = await Promise.all([
      chromium.launch({ executablePath: found.path, args: ["--host-resolver-rules=MAP *.test 127.0.0.1"] }),
      plane.start(),
    ]);
    ({ port } = new URL(plane.origin));
    control = `http://localhost:${port}`;
    const id = await plane.create("hostile", {
      instances: 1,
      named_instances: 1,
      ingress: { mode: "public" },
      hostnames: [HOSTNAME],
      configuration: {
        image: "hello-world",
        entrypoint: ["node", "--input-type=module", "-e", server],
        environment_variables: [{ name: "ATTACK", value: attack }],
      },
    });
    await plane.untilReady(id, 1);
    await plane.fetch("/a/hostile/@one/seen");
  });
  afterAll(async () => {
    await browser?.close();
    await plane.call("DELETE", "/applications/hostile");
    await plane.stop();
  });

  it.for(["hostile.localhost", HOSTNAME])(
    "with scripts at %s gets nothing of the control plane's pages",
    async (host, { expect }) => {
      const { context, page } = await holder();
      const hostile = await context.newPage();
      await hostile.goto(`http://${host}:${port}/own?control=${encodeURIComponent(control)}`);
      const attempts = await hostile.evaluate<Record<string, string>>("attack()");
      expect(JSON.stringify(attempts)).not.toContain(SECRET);
      const isSecure = host === "hostile.localhost";
      expect(attempts).toMatchObject({
        localStorage: "{}",
        sessionStorage: "{}",
        databases: "[]",
        domain: "refused: SecurityError",
        read: "refused: TypeError",
        readPage: "refused: TypeError",
        readPath: "refused: TypeError",
        write: "refused: TypeError",
        blindWrite: "refused: TypeError",
        events: "refused",
        eventsWithProtocol: "refused",
        script: "refused",
        image: "refused",
        style: "refused",
        frame: "closed",
        serviceWorker: isSecure ? "refused: SecurityError" : "refused: TypeError",
        sharedWorker: "refused: SecurityError",
        opener: "null",
        window: "severed",
      });
      const framed = () => hostile.frames().map((frame) => frame.url());
      await expect.poll(framed, { timeout: 10_000 }).toContain("chrome-error://chromewebdata/");
      expect(await isUntouched(page)).toBe(true);
      expect((await plane.call("GET", "/applications/victim")).status).toBe(404);
      expect(JSON.stringify(await seen())).not.toContain(SECRET);
      await context.close();
    },
  );

  it.for(["/a/hostile", "/a/hostile/@one", "/a/hostile/@one/:8080"])(
    "under %s runs no script, whatever its document is, and takes hold of nothing",
    async (prefix, { expect }) => {
      const { context, page } = await holder();
      const hostile = await context.newPage();
      for (const type of ["text/html", "image/svg+xml", "application/xhtml+xml", "text/xml"]) {
        const answer = await hostile.goto(`${control}${prefix}/page?type=${encodeURIComponent(type)}`);
        expect(answer?.headers()["content-security-policy"]).toBe("sandbox");
        expect(await hostile.evaluate("self.origin")).toBe("null");
      }
      await hostile.goto(`${control}${prefix}/docs`);
      const frames = hostile.frames().map((frame) => frame.url());
      expect(frames.filter((url) => url.startsWith(`${control}/docs`))).toEqual([]);
      const sent = (await seen()).filter(({ path }) => path !== "/");
      expect(sent.filter(({ path }) => path.includes("beacon"))).toEqual([]);
      expect(sent.filter(({ path }) => path.startsWith("/page")).length).toBeGreaterThan(3);
      expect(sent.filter(({ path, cookie }) => path.startsWith("/page") && cookie !== undefined)).toEqual([]);
      expect(JSON.stringify(sent)).not.toContain(SECRET);
      expect(await isUntouched(page)).toBe(true);
      await context.close();
    },
  );

  it("gives no code to a page of the control plane, even one that asks for it", async ({ expect }) => {
    const { context, page } = await holder();
    const asked = await page.evaluate<unknown[]>(`(async () => {
      const outcome = (work) => work.then(() => "taken", (error) => "refused: " + error.name);
      const loaded = (name, fields) => new Promise((resolve, reject) => {
        const element = Object.assign(document.createElement(name), fields, { onload: resolve, onerror: reject });
        document.head.append(element);
      });
      const worker = (url) => new Promise((resolve, reject) => {
        const made = new Worker(url);
        made.onerror = () => reject(new Error("worker"));
        setTimeout(resolve, 500);
      });
      const register = (scope) => navigator.serviceWorker.register("/a/hostile/sw.js", { scope });
      return [
        await outcome(import("/a/hostile/code.js")),
        await outcome(loaded("script", { src: "/a/hostile/@one/code.js" })),
        await outcome(loaded("link", { rel: "stylesheet", href: "/a/hostile/page?type=text/css" })),
        await outcome(worker("/a/hostile/code.js")),
        await outcome(register("/a/hostile/")),
        await outcome(register("/")),
        self.stolen,
      ];
    })()`);
    expect(asked.slice(0, 6).map((answer) => String(answer).split(":")[0])).toEqual(Array(6).fill("refused"));
    expect(asked[6]).toBeUndefined();
    expect(await isUntouched(page)).toBe(true);
    await context.close();
  });

  it("that a page of the control plane opens has no hold on it, and hears not where it was", async ({ expect }) => {
    const { context, page } = await holder();
    for (const url of [`http://hostile.localhost:${port}/own?from=docs`, `${control}/a/hostile/page?from=docs`]) {
      const [popup] = await Promise.all([
        context.waitForEvent("page"),
        page.evaluate(`void window.open(${JSON.stringify(url)})`),
      ]);
      await popup.waitForLoadState();
      expect(await popup.evaluate("window.opener")).toBeNull();
    }
    const visits = (await seen()).filter(({ path }) => path.includes("from=docs"));
    expect(visits.map(({ referer, cookie }) => [referer, cookie?.includes(SECRET) ?? false])).toEqual([
      [undefined, false],
      [undefined, false],
    ]);
    expect(await isUntouched(page)).toBe(true);
    await context.close();
  });

  it("gets no cookie with a WebSocket, and sets none", async ({ expect }) => {
    const { context, page } = await holder();
    for (const path of ["/a/hostile/socket", "/a/hostile/@one/socket"]) {
      const state = await page.evaluate(`new Promise((resolve) => {
        const socket = new WebSocket(${JSON.stringify(`ws://localhost:${port}${path}`)});
        socket.onopen = () => resolve("opened");
        socket.onerror = () => resolve("refused");
      })`);
      expect(state).toBe("opened");
    }
    const sockets = (await seen()).filter(({ path }) => path === "/socket");
    expect(sockets.map(({ cookie }) => cookie)).toEqual([undefined, undefined]);
    expect(await isUntouched(page)).toBe(true);
    await context.close();
  });
});
