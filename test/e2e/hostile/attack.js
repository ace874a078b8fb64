// Runs in a page of the hostile application's own origin, and tries whatever reaches for another one.
const control = new URL(location.href).searchParams.get("control");
const api = `${control}/client/v4/containers/applications`;
const within = (work, ms = 3000) =>
  Promise.race([work, new Promise((resolve) => setTimeout(() => resolve("nothing came"), ms))]);
const loaded = (element) =>
  within(
    new Promise((resolve) => {
      element.addEventListener("load", () => resolve("loaded"));
      element.addEventListener("error", () => resolve("refused"));
      document.documentElement.append(element);
    }),
  );
const element = (name, fields) => Object.assign(document.createElement(name), fields);
const text = async (url, init) => (await fetch(url, init)).text();
const opened = (url, protocols) =>
  within(
    new Promise((resolve) => {
      const socket = new WebSocket(url, protocols);
      socket.addEventListener("open", () => resolve("opened"));
      socket.addEventListener("error", () => resolve("refused"));
    }),
  );

const ATTEMPTS = {
  cookies: () => document.cookie,
  localStorage: () => JSON.stringify(localStorage),
  sessionStorage: () => JSON.stringify(sessionStorage),
  databases: async () => JSON.stringify(await indexedDB.databases()),
  caches: async () => JSON.stringify(await caches.keys()),
  domain: () => {
    document.domain = "localhost";
    return "shared";
  },
  tossing: () => {
    for (const domain of ["localhost", ".localhost", "test", location.hostname])
      document.cookie = `token=tossed; domain=${domain}; path=/`;
    return "";
  },
  read: () => text(api, { credentials: "include" }),
  readPage: () => text(`${control}/docs`, { credentials: "include" }),
  readPath: () => text(`${control}/readyz`, { credentials: "include" }),
  write: () =>
    text(`${api}/victim`, {
      method: "PUT",
      credentials: "include",
      headers: { "content-type": "application/json" },
      body: "{}",
    }),
  blindWrite: async () =>
    (await fetch(api, { method: "POST", mode: "no-cors", credentials: "include", body: '{"name": "victim"}' })).type,
  events: () => opened(`${api.replace("http", "ws")}/hostile/events`),
  eventsWithProtocol: () => opened(`${api.replace("http", "ws")}/hostile/events`, ["gantry.events"]),
  script: () => loaded(element("script", { src: `${control}/docs/page.js` })),
  image: () => loaded(element("img", { src: `${control}/docs/favicon-32x32.png` })),
  style: () => loaded(element("link", { rel: "stylesheet", href: `${control}/docs/swagger-ui.css` })),
  frame: async () => {
    const frame = element("iframe", { src: `${control}/docs` });
    await loaded(frame);
    return frame.contentDocument === null ? "closed" : frame.contentDocument.documentElement.outerHTML;
  },
  serviceWorker: async () => {
    await navigator.serviceWorker.register(`${control}/a/hostile/sw.js`, { scope: `${control}/` });
    return "registered";
  },
  sharedWorker: () => {
    const worker = new SharedWorker(`${control}/a/hostile/code.js`);
    return `made ${String(worker.port !== null)}`;
  },
  opener: () => String(window.opener),
  window: async () => {
    const other = window.open(`${control}/healthz`);
    for (let tries = 0; tries < 20 && !other.closed; tries += 1)
      await new Promise((resolve) => setTimeout(resolve, 150));
    // Severed: nothing is known of it, and it cannot be led elsewhere.
    return other.closed ? "severed" : `held, ${other.length} frames`;
  },
};

window.attack = async () => {
  const found = {};
  const entries = Object.entries(ATTEMPTS).map(async ([name, attempt]) => {
    try {
      found[name] = await attempt();
    } catch (error) {
      found[name] = `refused: ${error.name}`;
    }
  });
  await Promise.all(entries);
  return found;
};
