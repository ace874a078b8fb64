/** The gateway of R2 buckets, on a real one: what is kept, ranges, conditions, checksums. */
import { describe, it } from "vitest";
import { at, bound, bytesInChunks, refusal } from "./gateways-world.ts";

const MIB = 1_048_576;
const files = at("r2");
const hello = () => new Blob(["hello"]).stream();
const newKey = () => `k-${crypto.randomUUID()}`;

async function headOf(key: string): Promise<R2Object> {
  const object = await bound.FILES.head(key);
  if (object === null) throw new Error(`${key} is not there`);
  return object;
}

async function hex(algorithm: string, text: string): Promise<string> {
  return Buffer.from(await crypto.subtle.digest(algorithm, new TextEncoder().encode(text))).toString("hex");
}

async function base64(algorithm: string, text: string): Promise<string> {
  return Buffer.from(await hex(algorithm, text), "hex").toString("base64");
}

describe("an object of R2", () => {
  it("is read as it was written, with all that was said of it", async ({ expect }) => {
    const path = `/FILES/${newKey()}/ä b`;
    const said = {
      "content-type": "text/plain; charset=utf-8",
      "content-language": "de",
      "content-disposition": 'attachment; filename="a.txt"',
      "cache-control": "max-age=60",
      expires: "Thu, 01 Jan 2032 00:00:00 GMT",
      "gantry-meta-colour": "dark red",
      "gantry-meta-x": "",
    };
    const written = await files("PUT", path, { ...said, "content-length": "5" }, "hello");
    expect(written.status).toBe(200);
    const { key, size, etag } = await written.json<{ key: string; size: number; etag: string }>();
    expect([key, size, etag]).toEqual([decodeURI(path.slice("/FILES/".length)), 5, written.headers.get("etag")]);
    for (const method of ["GET", "HEAD"]) {
      const read = await files(method, path);
      expect(read.status).toBe(200);
      expect(Object.fromEntries(read.headers)).toMatchObject({
        ...said,
        "content-length": "5",
        "accept-ranges": "bytes",
        etag,
        "last-modified": expect.stringContaining("GMT"),
      });
      expect(await read.text()).toBe(method === "GET" ? "hello" : "");
    }
    expect((await files("DELETE", path)).status).toBe(204);
    expect((await files("DELETE", path)).status).toBe(204);
    expect(await refusal(await files("GET", path))).toMatchObject({
      status: 404,
      error: "KEY_NOT_FOUND",
      details: { key },
    });
    expect((await files("HEAD", path)).status).toBe(404);
  });

  it("that is stored encoded goes out as it is", async ({ expect }) => {
    const path = `/FILES/${newKey()}`;
    const packed = new Response(new Blob(["hello ".repeat(100)]).stream().pipeThrough(new CompressionStream("gzip")));
    const bytes = await packed.arrayBuffer();
    const headers = { "content-encoding": "gzip", "content-length": String(bytes.byteLength) };
    expect((await files("PUT", path, headers, bytes)).status).toBe(200);
    const read = await files("GET", path);
    expect([read.headers.get("content-encoding"), read.headers.get("content-length")]).toEqual([
      "gzip",
      String(bytes.byteLength),
    ]);
  });

  it("with what no header can carry is sent without that", async ({ expect }) => {
    const key = newKey();
    await bound.FILES.put(key, "x", {
      customMetadata: { plain: "1", snow: "☃", "not a name": "x", line: "a\nb" },
      httpMetadata: { contentType: "text/☃" },
    });
    const { headers, status } = await files("GET", `/FILES/${key}`);
    expect(status).toBe(200);
    expect([headers.get("gantry-meta-plain"), headers.get("gantry-missing-meta")]).toEqual(["1", "3"]);
    expect(headers.get("content-type")).toBe("application/octet-stream");
  });

  it.for([
    [{ "gantry-meta-a": "é" }, "gantry-meta-a"],
    [{ "content-type": "é" }, "content-type"],
    [{ expires: "tomorrow" }, "expires"],
    [{ "content-range": "bytes 0-1/2" }, "content-range"],
    [{ "if-match": "abc" }, "if-match"],
    [{ "if-unmodified-since": "Thu, 01 Jan 2032 00:00:00 GMT" }, "if-unmodified-since"],
    [{ "content-md5": "abc" }, "content-md5"],
    [{ "gantry-sha256": "abc" }, "gantry-sha256"],
    [{ "gantry-sha256": "0".repeat(64), "content-md5": "x" }, "content-md5"],
  ] as const)("is not written with %j", async ([headers, field], { expect }) => {
    const key = newKey();
    const answer = await refusal(await files("PUT", `/FILES/${key}`, { ...headers, "content-length": "1" }, "x"));
    expect(answer).toMatchObject({ status: 400, error: "VALIDATE_INPUT", details: { [field]: expect.any(String) } });
    expect(await bound.FILES.head(key)).toBeNull();
  });

  it("is not written with more metadata than R2 keeps", async ({ expect }) => {
    const headers = { "gantry-meta-a": "x".repeat(8_192), "content-length": "1" };
    const answer = await refusal(await files("PUT", `/FILES/${newKey()}`, headers, "x"));
    expect(answer).toMatchObject({ status: 400, details: { "gantry-meta-*": expect.stringContaining("8193 bytes") } });
  });

  it("is not deleted on a condition, which R2 would not look at", async ({ expect }) => {
    const key = newKey();
    await bound.FILES.put(key, "x");
    expect((await files("DELETE", `/FILES/${key}`, { "if-match": '"x"' })).status).toBe(400);
    expect(await bound.FILES.head(key)).not.toBeNull();
  });
});

describe("a range", () => {
  it.for([
    ["bytes=0-0", "0", "bytes 0-0/10"],
    ["bytes=0-3", "0123", "bytes 0-3/10"],
    ["bytes=4-", "456789", "bytes 4-9/10"],
    ["bytes=9-", "9", "bytes 9-9/10"],
    ["bytes=7-100", "789", "bytes 7-9/10"],
    ["bytes=-1", "9", "bytes 9-9/10"],
    ["bytes=-100", "0123456789", "bytes 0-9/10"],
  ])("%s", async ([range, text, contentRange], { expect }) => {
    const key = newKey();
    await bound.FILES.put(key, "0123456789");
    const read = await files("GET", `/FILES/${key}`, { range: range ?? "" });
    expect([read.status, read.headers.get("content-range"), read.headers.get("content-length")]).toEqual([
      206,
      contentRange,
      String(text?.length),
    ]);
    expect(await read.text()).toBe(text);
  });

  it.for([
    ["bytes=10-", 10],
    ["bytes=10-12", 10],
    ["bytes=500-", 10],
    ["bytes=500-600", 10],
    ["bytes=-0", 10],
    [`bytes=${"9".repeat(30)}-`, 10],
    ["bytes=0-", 0],
    ["bytes=0-5", 0],
  ] as const)("%s of %i bytes is none", async ([range, size], { expect }) => {
    const key = newKey();
    await bound.FILES.put(key, "0123456789".slice(0, size));
    const read = await files("GET", `/FILES/${key}`, { range });
    expect(read.headers.get("content-range")).toBe(`bytes */${size}`);
    expect(await refusal(read)).toMatchObject({ status: 416, error: "RANGE_NOT_SATISFIABLE", details: { size } });
  });

  it.for(["bytes=0-1,4-5", "bytes=5-1", "lines=0-1", "bytes=x"])("%s means the whole", async (range, { expect }) => {
    const key = newKey();
    await bound.FILES.put(key, "0123456789");
    const read = await files("GET", `/FILES/${key}`, { range });
    expect([read.status, await read.text()]).toEqual([200, "0123456789"]);
  });

  it("of nothing, from its end, is all of it", async ({ expect }) => {
    const key = newKey();
    await bound.FILES.put(key, "");
    const read = await files("GET", `/FILES/${key}`, { range: "bytes=-5" });
    expect([read.status, read.headers.get("content-length"), await read.text()]).toEqual([200, "0", ""]);
  });

  it("of what has changed since is the whole", async ({ expect }) => {
    const key = newKey();
    await bound.FILES.put(key, "0123456789");
    const { httpEtag, uploaded } = await headOf(key);
    const range = "bytes=2-3";
    for (const same of [httpEtag, uploaded.toUTCString()]) {
      const read = await files("GET", `/FILES/${key}`, { range, "if-range": same });
      expect([read.status, await read.text()]).toEqual([206, "23"]);
    }
    for (const other of ['"x"', `W/${httpEtag}`, "Thu, 01 Jan 2015 00:00:00 GMT"]) {
      const read = await files("GET", `/FILES/${key}`, { range, "if-range": other });
      expect([read.status, read.headers.get("content-range"), await read.text()]).toEqual([200, null, "0123456789"]);
    }
  });

  it("is of GET alone", async ({ expect }) => {
    const key = newKey();
    await bound.FILES.put(key, "0123456789");
    const read = await files("HEAD", `/FILES/${key}`, { range: "bytes=20-" });
    expect([read.status, read.headers.get("content-length")]).toEqual([200, "10"]);
  });
});

describe("a condition", () => {
  it("of a read is answered without the object", async ({ expect }) => {
    const key = newKey();
    await bound.FILES.put(key, "x", { httpMetadata: { cacheControl: "max-age=9" } });
    const { httpEtag, uploaded } = await headOf(key);
    const then = uploaded.toUTCString();
    const before = new Date(uploaded.getTime() - 5_000).toUTCString();
    const cases = [
      [{ "if-none-match": httpEtag }, 304],
      [{ "if-none-match": `"y", W/${httpEtag}` }, 304],
      [{ "if-none-match": "*" }, 304],
      [{ "if-none-match": '"y"' }, 200],
      [{ "if-none-match": httpEtag, range: "bytes=0-0" }, 304],
      [{ "if-none-match": httpEtag, range: "bytes=5-" }, 304],
      [{ "if-match": httpEtag }, 200],
      [{ "if-match": '"y"' }, 412],
      [{ "if-match": '"y"', "if-none-match": httpEtag }, 412],
      [{ "if-modified-since": then }, 304],
      [{ "if-modified-since": before }, 200],
      [{ "if-unmodified-since": then }, 200],
      [{ "if-unmodified-since": before }, 412],
    ] as const;
    for (const [headers, status] of cases) {
      for (const method of ["GET", "HEAD"]) {
        const read = await files(method, `/FILES/${key}`, headers);
        expect([read.status, headers], method).toEqual([status, headers]);
        if (status === 304) {
          expect([read.headers.get("etag"), read.headers.get("cache-control")]).toEqual([httpEtag, "max-age=9"]);
          expect(await read.text()).toBe("");
        }
      }
    }
  });

  it("of a write is decided where it is written", async ({ expect }) => {
    const path = `/FILES/${newKey()}`;
    const put = async (text: string, headers: Record<string, string>) =>
      await files("PUT", path, { ...headers, "content-length": String(text.length) }, text);
    expect((await put("no", { "if-match": "*" })).status).toBe(412);
    const first = await put("first", { "if-none-match": "*" });
    expect(first.status).toBe(200);
    expect(await refusal(await put("again", { "if-none-match": "*" }))).toMatchObject({
      status: 412,
      error: "PRECONDITION_FAILED",
    });
    const etag = first.headers.get("etag") ?? "";
    expect((await put("other", { "if-match": '"y"' })).status).toBe(412);
    expect((await put("other", { "if-match": `W/${etag}` })).status).toBe(412);
    expect((await put("other", { "if-none-match": etag })).status).toBe(412);
    expect(await (await files("GET", path)).text()).toBe("first");
    expect((await put("second", { "if-match": `"y", ${etag}` })).status).toBe(200);
    expect((await put("third", { "if-match": "*" })).status).toBe(200);
    expect(await (await files("GET", path)).text()).toBe("third");
  });

  it("of two writers at once lets one through", async ({ expect }) => {
    const path = `/FILES/${newKey()}`;
    const answers = await Promise.all(
      ["a", "b", "c", "d"].map((text) => files("PUT", path, { "if-none-match": "*", "content-length": "1" }, text)),
    );
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 412, 412, 412]);
  });

  it("of a write whose length is not said is refused", async ({ expect }) => {
    const key = newKey();
    const { body } = bytesInChunks(10, 5);
    const answer = await refusal(await files("PUT", `/FILES/${key}`, { "if-none-match": "*" }, body));
    expect(answer).toMatchObject({ status: 411, error: "LENGTH_REQUIRED" });
    expect(await bound.FILES.head(key)).toBeNull();
  });
});

describe("a checksum", () => {
  it.for([
    ["content-md5", "MD5", base64],
    ["gantry-sha256", "SHA-256", hex],
  ] as const)(
    "%s is verified, of a body of known length and of unknown",
    async ([name, algorithm, sum], { expect }) => {
      for (const headers of [{ "content-length": "5" }, {}] as Record<string, string>[]) {
        const key = newKey();
        const wrong = await files(
          "PUT",
          `/FILES/${key}`,
          { ...headers, [name]: await sum(algorithm, "hallo") },
          hello(),
        );
        expect(await refusal(wrong)).toMatchObject({ status: 400, error: "CHECKSUM_MISMATCH" });
        expect(await bound.FILES.head(key)).toBeNull();
        const right = await files(
          "PUT",
          `/FILES/${key}`,
          { ...headers, [name]: await sum(algorithm, "hello") },
          hello(),
        );
        expect(right.status).toBe(200);
        const kept = (await files("HEAD", `/FILES/${key}`)).headers.get("gantry-sha256");
        expect(kept).toBe(name === "gantry-sha256" ? await hex("SHA-256", "hello") : null);
      }
    },
  );

  it("is verified over all parts", async ({ expect }) => {
    const key = newKey();
    const digest = new crypto.DigestStream("SHA-256");
    await bytesInChunks(9 * MIB, 100_000).body.pipeTo(digest);
    const right = Buffer.from(await digest.digest).toString("hex");
    const put = async (sha256: string) =>
      await files("PUT", `/FILES/${key}`, { "gantry-sha256": sha256 }, bytesInChunks(9 * MIB, 65_536).body);
    expect(await refusal(await put("0".repeat(64)))).toMatchObject({ status: 400, error: "CHECKSUM_MISMATCH" });
    expect(await bound.FILES.head(key)).toBeNull();
    expect((await put(right)).status).toBe(200);
    expect((await bound.FILES.head(key))?.size).toBe(9 * MIB);
  });
});
