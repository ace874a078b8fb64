/** Instances by an address of their own: in the path, in the host, and where the addresses come from. */
import { describe, it } from "vitest";
import { applicationStub, accountStub } from "../../src/stubs.ts";
import { freshAccount, type TestAccount } from "./accounts.ts";
import { call, createApplication, domainError, eventually, instancesOf, raw, testEnv, untilReady } from "./client.ts";
import type { Envelope, WireInstance } from "./client.ts";
import { containerOf } from "./fake-container.ts";

interface Echo {
  port: number;
  path: string;
  search: string;
  headers: Record<string, string>;
}

interface Ip {
  ip: string;
  ipType: string;
  subnetMask: number;
  configuration?: { deploymentId?: string; accountId?: string };
  allocation?: { placementID?: string; deploymentID?: string };
  portRanges?: { start: number; end: number }[];
}

const PORTS = [
  { name: "http", port: 8_080 },
  { name: "admin-api", port: 9_090 },
];

function configured(network: Record<string, unknown>, extra: Record<string, unknown> = {}) {
  return { configuration: { image: "hello-world", ports: PORTS, network, ...extra } };
}

async function started(body: Record<string, unknown>, instances = 1) {
  const { id, name } = await createApplication({ instances, ...body });
  const members = await untilReady(id, instances);
  const [member] = members;
  if (member === undefined) throw new Error("no instance");
  return { id, name, members, member, path: `http://control.test/a/${name}/@${member.name}` };
}

async function echo(url: string, headers: Record<string, string> = {}): Promise<Echo> {
  const response = await raw("GET", url, undefined, headers);
  if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`);
  return await response.json<Echo>();
}

async function refusal(url: string, headers: Record<string, string> = {}) {
  const response = await raw("GET", url, undefined, headers);
  const envelope = await response.json<Envelope>();
  return { status: response.status, retryAfter: response.headers.get("retry-after"), ...domainError(envelope) };
}

async function ips(query = "", account: Pick<TestAccount, "call"> = { call }): Promise<Ip[]> {
  return (await account.call("GET", `/ips${query}`)).result.ips;
}

function hostOf({ ip, ipType }: Ip): string {
  return ipType === "v6" ? `http://[${ip}]` : `http://${ip}`;
}

async function addressOf({ deployment_id: deployment }: WireInstance, type = "v6"): Promise<Ip> {
  const [found] = await ips(`?deployment_id=${deployment}&ipType=${type}`);
  if (found === undefined) throw new Error(`${deployment} has no ${type} address`);
  return found;
}

describe("an instance in the path", () => {
  it("is reached by name, id and deployment, without the prefix, and nobody else answers for it", async ({
    expect,
  }) => {
    const { name, members } = await started(configured({ mode: "public" }), 3);
    for (const member of members) {
      for (const key of [member.name, member.id, member.deployment_id]) {
        const prefix = `/a/${name}/@${key}`;
        const response = await raw("GET", `http://control.test${prefix}/deep/path?q=1`, undefined, { cookie: "a=1" });
        expect(response.headers.get("gantry-instance")).toBe(member.id);
        expect(response.headers.get("content-security-policy")).toBe("sandbox");
        const seen = await response.json<Echo>();
        expect(seen).toMatchObject({ port: 8_080, path: "/deep/path", search: "?q=1" });
        expect(seen.headers).toMatchObject({ "x-forwarded-prefix": prefix });
        expect(seen.headers).not.toHaveProperty("cookie");
        expect(seen.headers).not.toHaveProperty("gantry-port");
      }
    }
  });

  it("is reached on another port of its own, which is part of the prefix", async ({ expect }) => {
    const { path, name, member } = await started(configured({ mode: "public" }));
    expect(await echo(`${path}/:9090/x`)).toMatchObject({
      port: 9_090,
      path: "/x",
      headers: { "x-forwarded-prefix": `/a/${name}/@${member.name}/:9090` },
    });
    // `public` opens what is not declared too.
    expect(await echo(`${path}/:5432`)).toMatchObject({ port: 5_432, path: "/" });
    expect(await echo(`${path}/:no-port`)).toMatchObject({ port: 8_080, path: "/:no-port" });
  });

  it("is asked for a port by the address only, never by a header from outside", async ({ expect }) => {
    const { name, path } = await started(configured({ mode: "public" }));
    for (const url of [`http://${name}.localhost/`, `http://control.test/a/${name}/`, `${path}/`]) {
      const seen = await echo(url, { "gantry-port": "9090" });
      expect(seen).toMatchObject({ port: 8_080 });
      expect(seen.headers).not.toHaveProperty("gantry-port");
    }
  });

  it("takes WebSockets, and no cookie of a page comes back", async ({ expect }) => {
    const { path } = await started(configured({ mode: "public" }));
    const response = await raw("GET", `${path}/:9090/ws`, undefined, { upgrade: "websocket" });
    const socket = response.webSocket;
    expect(response.status).toBe(101);
    expect(response.headers.get("set-cookie")).toBeNull();
    const { promise, resolve } = Promise.withResolvers<string>();
    socket?.addEventListener("message", ({ data }) => resolve(String(data)));
    socket?.accept();
    socket?.send("hello");
    expect(await promise).toBe("echo hello");
    socket?.close();
  });

  it("is 404 when there is none of that name", async ({ expect }) => {
    const { name } = await started(configured({ mode: "public" }));
    expect(await refusal(`http://control.test/a/${name}/@other/`)).toMatchObject({
      status: 404,
      error: "INSTANCE_NOT_FOUND",
      details: { application: name, instance: "other" },
    });
    expect(await refusal("http://control.test/a/nothing-here/@x/")).toMatchObject({ error: "APPLICATION_NOT_FOUND" });
  });

  it("that a user stopped or cordoned is 503 with the reason, and is back when it is back", async ({ expect }) => {
    const { id, path, member } = await started(configured({ mode: "public" }));
    const act = (action: string) => call("POST", `/applications/${id}/instances/${member.id}/${action}`);
    await act("cordon");
    const cordoned = await eventually(async () => {
      const answer = await refusal(`${path}/`).catch(() => undefined);
      return answer?.status === 503 && answer;
    });
    expect(cordoned).toMatchObject({ error: "INSTANCE_NOT_READY", retryAfter: "1" });
    expect(cordoned.message).toContain("it is cordoned");
    await act("uncordon");
    expect(await echo(`${path}/`)).toMatchObject({ path: "/" });
    await act("stop");
    const stopped = await eventually(async () => {
      const answer = await refusal(`${path}/`).catch(() => undefined);
      return answer?.status === 503 && answer.message.includes("stopped by a user") && answer;
    });
    expect(stopped.retryAfter).toBe("1");
    await act("start");
    expect(await eventually(() => echo(`${path}/`).catch(() => undefined))).toMatchObject({ path: "/" });
  });

  it("that waits after a crash says for how long", async ({ expect }) => {
    const { id, name } = await createApplication({
      configuration: { image: "exits-3", network: { mode: "public" } },
    });
    const waiting = await eventually(async () => {
      const [instance] = await instancesOf(id);
      const answer = await refusal(`http://control.test/a/${name}/@${instance?.name}/`);
      return answer.message.includes("its container ended") && answer;
    });
    expect(waiting).toMatchObject({ status: 503, error: "INSTANCE_NOT_READY" });
    expect(Number(waiting.retryAfter)).toBeGreaterThanOrEqual(1);
    expect(waiting.details["retry_after"]).toBe(Number(waiting.retryAfter));
  });

  it("that dies with a request is 502: the request is sent once, to it alone", async ({ expect }) => {
    const { members, path } = await started(configured({ mode: "public" }), 2);
    const containers = members.map(({ id }) => containerOf(id));
    const [own, other] = containers;
    if (own === undefined || other === undefined) throw new Error("two were started");
    own.dropsAnswers = true;
    const before = [own.attempts, other.attempts];
    expect(await refusal(`${path}/:8080/work`)).toMatchObject({ status: 502, error: "INSTANCE_UNREACHABLE" });
    expect([own.attempts, other.attempts]).toEqual([(before[0] ?? 0) + 1, before[1]]);
  });

  it("is called by whom its application's ingress lets call", async ({ expect }) => {
    const token = await started({ ...configured({ mode: "public" }), ingress: { mode: "token" } });
    expect(await refusal(`${token.path}/`, { authorization: "" })).toMatchObject({ status: 401 });
    const seen = await echo(`${token.path}/`);
    expect(seen.headers).not.toHaveProperty("authorization");
    const closed = await started({ ...configured({ mode: "public" }), ingress: { mode: "private" } });
    expect(await refusal(`${closed.path}/`)).toMatchObject({ status: 403, error: "FORBIDDEN" });
    const address = hostOf(await addressOf(closed.member));
    expect(await refusal(`${address}/`)).toMatchObject({ status: 403, error: "FORBIDDEN" });
  });
});

describe("a network mode", () => {
  it('"public-by-port" opens the declared ports and names them', async ({ expect }) => {
    const { path, member } = await started(configured({ mode: "public-by-port" }));
    expect(await echo(`${path}/`)).toMatchObject({ port: 8_080 });
    expect(await echo(`${path}/:9090/`)).toMatchObject({ port: 9_090 });
    const address = await addressOf(member);
    expect(await echo(`${hostOf(address)}:9090/`)).toMatchObject({ port: 9_090 });
    for (const url of [`${path}/:5432/`, `${hostOf(address)}:5432/`]) {
      expect(await refusal(url)).toMatchObject({
        status: 403,
        error: "PORT_NOT_PUBLIC",
        details: { port: 5_432, ports: ["8080 (http)", "9090 (admin-api)"] },
      });
    }
    expect(address.portRanges?.map(({ start, end }) => [start, end])).toEqual([
      [8_080, 8_080],
      [9_090, 9_090],
    ]);
  });

  it.for([undefined, { mode: "private" }])("%j gives no address, and says what would", async (network, { expect }) => {
    const { path, member } = await started({
      configuration: { image: "hello-world", ports: PORTS, ...(network && { network }) },
    });
    const answer = await refusal(`${path}/`);
    expect(answer).toMatchObject({ status: 403, error: "NO_OWN_ADDRESS" });
    expect(answer.message).toContain("configuration.network.mode");
    expect(await ips(`?deployment_id=${member.deployment_id}`)).toEqual([]);
    const env = containerOf(member.id).starts[0]?.env ?? {};
    expect(env).toMatchObject({ CLOUDFLARE_PORT_http: "8080", CLOUDFLARE_PORT_admin_api: "9090" });
    expect(Object.keys(env).filter((key) => key.startsWith("CLOUDFLARE_HOST"))).toEqual([]);
  });

  it("of the version that an instance runs counts, not of one that is only stored", async ({ expect }) => {
    const { id, path } = await started(configured({ mode: "private" }));
    await call("PATCH", `/applications/${id}`, configured({ mode: "public" }));
    expect(await refusal(`${path}/`)).toMatchObject({ status: 403 });
  });

  it.for<[string, Record<string, unknown>, string]>([
    ["an IPv4 address without a public network", { network: { assign_ipv4: "predefined" } }, "network.assign_ipv4"],
    [
      "an IPv6 address of a private network",
      { network: { mode: "private", assign_ipv6: "account" } },
      "network.assign_ipv6",
    ],
    [
      "IPv4 by port",
      { network: { mode: "public-by-port", assign_ipv4: "account" }, ports: PORTS },
      "network.assign_ipv4",
    ],
    ["ports that are not there", { network: { mode: "public-by-port" } }, "network.mode"],
    [
      "both a port and ranges",
      { ports: [{ name: "a", port: 1, assign_port: [{ start: 1, end: 2 }] }] },
      "ports[0].assign_port",
    ],
    ["neither a port nor ranges", { ports: [{ name: "a" }] }, "ports[0].port"],
    [
      "a range backwards",
      { ports: [{ name: "a", assign_port: [{ start: 2, end: 1 }] }] },
      "ports[0].assign_port[0].end",
    ],
    [
      "ranges that overlap",
      {
        ports: [
          { name: "a", assign_port: [{ start: 1, end: 5 }] },
          { name: "b", assign_port: [{ start: 5, end: 9 }] },
        ],
      },
      "ports[1].assign_port[0]",
    ],
    [
      "more names than ports",
      { ports: ["a", "b"].map((name) => ({ name, assign_port: [{ start: 7, end: 7 }] })) },
      "ports[1].assign_port",
    ],
    [
      "names that come to one variable",
      {
        ports: [
          { name: "a-b", port: 1 },
          { name: "a_b", port: 2 },
        ],
      },
      "ports[1].name",
    ],
    [
      "a variable that a port brings",
      { ports: [{ name: "a", port: 1 }], environment_variables: [{ name: "CLOUDFLARE_PORT_a", value: "2" }] },
      "environment_variables[0].name",
    ],
  ])("is refused with %s", async ([, configuration, field], { expect }) => {
    const answer = await call("POST", "/applications", {
      name: `app-${crypto.randomUUID().slice(0, 8)}`,
      instances: 0,
      configuration: { image: "hello-world", ...configuration },
    });
    expect(answer.status).toBe(400);
    expect(domainError(answer)).toMatchObject({ error: "VALIDATE_INPUT" });
    expect(Object.keys(domainError(answer).details)).toContain(`configuration.${field}`);
  });
});

describe("assigned ports", () => {
  it("are the first free ones of their ranges, which the container is told and requests go to", async ({ expect }) => {
    const range = [{ start: 7_000, end: 7_009 }];
    const ports = [
      { name: "main", assign_port: range },
      { name: "fixed", port: 7_001 },
      { name: "side", assign_port: range },
    ];
    const checks = [{ type: "tcp", port: "side", kind: "ready" }];
    const { path, member, name } = await started({
      configuration: { image: "hello-world", ports, checks, network: { mode: "public-by-port" } },
    });
    expect(containerOf(member.id).starts[0]?.env).toMatchObject({
      CLOUDFLARE_PORT_main: "7000",
      CLOUDFLARE_PORT_fixed: "7001",
      CLOUDFLARE_PORT_side: "7002",
      CLOUDFLARE_HOST_PORT_side: "7002",
    });
    expect(await echo(`${path}/`)).toMatchObject({ port: 7_000 });
    expect(await echo(`http://${name}.localhost/`)).toMatchObject({ port: 7_000 });
    expect(await echo(`${path}/:7002/`)).toMatchObject({ port: 7_002 });
    expect(await refusal(`${path}/:7003/`)).toMatchObject({ error: "PORT_NOT_PUBLIC" });
  });
});

describe("an allocated address", () => {
  it("is each instance's own, told to its container, and leads to it alone", async ({ expect }) => {
    const { members } = await started(configured({ mode: "public", assign_ipv4: "predefined" }), 3);
    const seen = new Set<string>();
    for (const member of members) {
      const [v4, v6] = [await addressOf(member, "v4"), await addressOf(member, "v6")];
      expect(v4.ip).toMatch(/^10\.128\.\d+\.\d+$/);
      expect(v6.ip).toMatch(/^fd67:616e:7472:/);
      expect([v4.subnetMask, v6.subnetMask]).toEqual([24, 64]);
      expect(containerOf(member.id).starts[0]?.env).toMatchObject({
        CLOUDFLARE_HOST_IP_http: v4.ip,
        CLOUDFLARE_HOST_ADDR_http: `${v4.ip}:8080`,
        CLOUDFLARE_HOST_PORT_admin_api: "9090",
        CLOUDFLARE_HOST_ADDR_admin_api: `${v4.ip}:9090`,
      });
      for (const address of [v4, v6]) {
        seen.add(address.ip);
        const response = await raw("GET", `${hostOf(address)}:9090/x`, undefined, {
          "gantry-port": "1",
          cookie: "a=1",
        });
        expect(response.headers.get("gantry-instance")).toBe(member.id);
        const body = await response.json<Echo>();
        expect(body).toMatchObject({ port: 9_090, path: "/x", headers: { cookie: "a=1" } });
        expect(await echo(`${hostOf(address)}/`)).toMatchObject({ port: 8_080 });
      }
    }
    expect(seen.size).toBe(6);
  });

  it("with IPv6 alone is told in brackets", async ({ expect }) => {
    const { member } = await started(configured({ mode: "public" }));
    const { ip } = await addressOf(member);
    expect(containerOf(member.id).starts[0]?.env).toMatchObject({
      CLOUDFLARE_HOST_IP_http: ip,
      CLOUDFLARE_HOST_ADDR_http: `[${ip}]:8080`,
    });
  });

  it("that nobody has is 404, and other hosts of numbers are the control plane", async ({ expect }) => {
    for (const host of ["10.128.77.7", "[fd67:616e:7472:4d::7]:9090"]) {
      expect(await refusal(`http://${host}/`)).toMatchObject({ status: 404, error: "INSTANCE_NOT_FOUND" });
    }
    for (const host of ["127.0.0.1", "[::1]:8787", "10.127.0.1"]) {
      expect((await raw("GET", `http://${host}/healthz`)).status).toBe(200);
    }
  });

  it("stays with its deployment when the container is replaced, and costs nothing again", async ({ expect }) => {
    const { id, member } = await started(configured({ mode: "public" }));
    const before = await addressOf(member);
    expect(before.allocation).toEqual({
      placementID: `${member.deployment_id}.1`,
      deploymentID: member.deployment_id,
    });
    const account = accountStub(testEnv, testEnv.GANTRY_ACCOUNT_ID);
    const { rowsWritten } = await account.billing();
    containerOf(member.id).kill();
    await eventually(async () => {
      const [now] = await instancesOf(id);
      return now?.generation === 2 && now.ready;
    });
    const after = await addressOf(member);
    expect(after.ip).toBe(before.ip);
    expect(after.allocation?.placementID).toBe(`${member.deployment_id}.2`);
    expect((await account.billing()).rowsWritten).toBe(rowsWritten);
    expect(await echo(`${hostOf(after)}/`)).toMatchObject({ path: "/" });
  });

  it("is given back when its instance is scaled away, and all of them with the application", async ({ expect }) => {
    const { id, members } = await started(configured({ mode: "public" }), 2);
    const own = async () => {
      const all = await ips("?allocated=true");
      return all.filter((item) => members.some((member) => member.deployment_id === item.allocation?.deploymentID));
    };
    expect(await own()).toHaveLength(2);
    const rows = async () => {
      const found = await Promise.all(
        members.map(async (member) => (await ips(`?deployment_id=${member.deployment_id}`))[0]?.ip),
      );
      return found.filter((ip) => ip !== undefined).length;
    };
    await call("PATCH", `/applications/${id}`, { instances: 1 });
    await eventually(async () => (await instancesOf(id)).length === 1);
    await eventually(async () => (await rows()) === 1);
    await call("DELETE", `/applications/${id}`);
    expect(await rows()).toBe(0);
  });

  it("of a deployment that is gone is found and taken back", async ({ expect }) => {
    const { id } = await started(configured({ mode: "public" }));
    const lost = `auto-0-${id.replaceAll("-", "")}-000000000000`;
    const account = accountStub(testEnv, testEnv.GANTRY_ACCOUNT_ID);
    const { v6 } = await account.takeAddresses({
      application: id,
      deployment: lost,
      network: { mode: "public", ipv4: "none", ipv6: "predefined" },
      ports: [],
    });
    expect(await account.addressOwner(v6 ?? "")).toMatchObject({ deployment: lost });
    await eventually(async () => {
      await ips();
      return (await account.addressOwner(v6 ?? "")) === null;
    });
    expect(Object.keys(await applicationStub(testEnv, id).generations())).not.toContain(lost);
  });

  it("that is the account's stays its own, listed as free, for the next that asks", async ({ expect }) => {
    const account = await freshAccount();
    const body = configured({ mode: "public", assign_ipv4: "account" });
    const { result: first } = await account.create(body);
    await account.ready(first.id, 1);
    const [before] = await ips("?ipType=v4", account);
    expect(before?.configuration?.accountId).toBe(account.id);
    await account.call("DELETE", `/applications/${first.id}`);
    expect(await ips("?allocated=false", account)).toMatchObject([
      { ip: before?.ip, configuration: { accountId: account.id } },
    ]);
    expect(await ips("?allocated=true", account)).toEqual([]);
    const { result: second } = await account.create(body);
    const [member] = await account.ready(second.id, 1);
    expect(await ips("?ipType=v4", account)).toMatchObject([
      { ip: before?.ip, allocation: { deploymentID: member?.deployment_id } },
    ]);
  });

  it("is of one account's block, and leads to instances of any account", async ({ expect }) => {
    const addresses: string[] = [];
    for (const account of [await freshAccount(), await freshAccount()]) {
      const { result: app } = await account.create(configured({ mode: "public" }));
      const [member] = await account.ready(app.id, 1);
      const [address] = await ips("", account);
      if (address === undefined) throw new Error("no address");
      const response = await raw("GET", `${hostOf(address)}/`);
      expect(response.headers.get("gantry-instance")).toBe(member?.id);
      addresses.push(address.ip.split(":").slice(0, 4).join(":"));
      // A token of another account is nobody here.
      await account.call("PATCH", `/applications/${app.id}`, { ingress: { mode: "token" } });
      const mine = await account.call("POST", "/tokens", { name: "caller", scopes: ["invoke"] });
      const other = await call("POST", "/tokens", { name: "caller", scopes: ["invoke"] });
      await eventually(
        async () => (await raw("GET", `${hostOf(address)}/`, undefined, { authorization: "" })).status === 401,
      );
      const as = async (token: string) => {
        return (await raw("GET", `${hostOf(address)}/`, undefined, { authorization: `Bearer ${token}` })).status;
      };
      expect([await as(mine.result.value), await as(other.result.value)]).toEqual([200, 401]);
    }
    expect(new Set(addresses).size).toBe(2);
  });

  it("is held against the account's number of IPv4 addresses", async ({ expect }) => {
    const account = await freshAccount();
    await account.call("PATCH", "/me", { limits: { ipv4s: 1 } });
    const body = configured({ mode: "public", assign_ipv4: "predefined" });
    const refused = await account.create({ ...body, instances: 2 });
    expect(domainError(refused)).toMatchObject({ error: "SURPASSED_TOTAL_LIMITS", details: { ipv4s_shortfall: 1 } });
    expect((await account.create({ ...body, instances: 1 })).status).toBe(201);
    expect((await account.call("GET", "/me")).result.usage).toMatchObject({ ipv4s: 1 });
  });
});

describe("/ips", () => {
  it("filters by what it is asked for, and says so", async ({ expect }) => {
    const { members } = await started(configured({ mode: "public", assign_ipv4: "predefined" }), 2);
    const [one] = members;
    const query = `?placement_id=${one?.deployment_id}.1&ipType=v4&allocated=true`;
    const { result } = await call("GET", `/ips${query}`);
    expect(result.filters).toEqual({ placementID: `${one?.deployment_id}.1`, ipType: "v4", allocated: true });
    expect(result.ips).toHaveLength(1);
    expect(result.ips[0]).toMatchObject({ ipType: "v4", configuration: { deploymentId: one?.deployment_id } });
    expect(result.ips[0].portRanges).toMatchObject([{ start: 1, end: 65_535, allocation: result.ips[0].allocation }]);
    expect((await call("GET", `/ips?placement_id=${one?.deployment_id}.9`)).result.ips).toEqual([]);
    expect((await call("GET", "/ips?ipType=v5")).status).toBe(400);
  });

  it("shows a token that is limited to some applications the addresses of these", async ({ expect }) => {
    const [mine, other] = [
      await started(configured({ mode: "public" })),
      await started(configured({ mode: "public" })),
    ];
    const { result } = await call("POST", "/tokens", { name: "one", scopes: ["read"], applications: [mine.name] });
    const response = await raw("GET", "/ips", undefined, { authorization: `Bearer ${result.value}` });
    const { result: seen } = await response.json<Envelope>();
    const deployments = seen.ips.map((item: Ip) => item.allocation?.deploymentID);
    expect(deployments).toEqual([mine.member.deployment_id]);
    expect(deployments).not.toContain(other.member.deployment_id);
  });
});
