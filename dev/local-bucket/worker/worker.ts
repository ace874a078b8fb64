/**
 * The bucket: one object with an index of keys, and a folder with a file for each. A file is written whole before the index
 * names it and removed after the index forgot it; what a crash left half done is removed when the object starts again.
 */
import { DurableObject } from "cloudflare:workers";
import {
  answer,
  BAD_DIGEST,
  BucketError,
  describe,
  NO_SUCH_KEY,
  NOT_SATISFIABLE,
  readRequest,
  type More,
  type AskedRange,
  type BucketRequest,
  type ObjectRow,
  type Slice,
} from "./protocol.ts";

interface BucketEnv {
  readonly BUCKET: DurableObjectNamespace<Bucket>;
  /** The folder, by HTTP. */
  readonly FILES: Fetcher;
}

type Ask<Method> = Extract<BucketRequest, { method: Method }>;

const MAX_LISTED = 1_000;
/** What is hashed at a time: few turns of JavaScript for each megabyte. */
const HASHED_BYTES = 262_144;

export default {
  fetch: async (request: Request, env: BucketEnv) => await env.BUCKET.getByName("bucket").fetch(request),
};

export class Bucket extends DurableObject<BucketEnv> {
  readonly #sql: SqlStorage;

  constructor(ctx: DurableObjectState, env: BucketEnv) {
    super(ctx, env);
    this.#sql = ctx.storage.sql;
    this.#sql.exec(`
      CREATE TABLE IF NOT EXISTS objects (
        key TEXT PRIMARY KEY, file TEXT NOT NULL, size INTEGER NOT NULL, uploaded INTEGER NOT NULL
      ) WITHOUT ROWID;
      CREATE TABLE IF NOT EXISTS unnamed_files (file TEXT PRIMARY KEY) WITHOUT ROWID;
    `);
    // Of a bucket that was made before there was anything beside the bytes.
    const columns = this.#sql.exec<{ name: string }>("SELECT name FROM pragma_table_info('objects')").toArray();
    if (!columns.some(({ name }) => name === "more")) {
      this.#sql.exec("ALTER TABLE objects ADD COLUMN more TEXT NOT NULL DEFAULT '{}'");
    }
    const left = this.#sql.exec<{ file: string }>("SELECT file FROM unnamed_files").toArray();
    ctx.waitUntil(this.#removeFiles(left.map(({ file }) => file)));
  }

  override async fetch(request: Request): Promise<Response> {
    try {
      const { asked, body, size } = await readRequest(request);
      switch (asked.method) {
        case "head":
          return answer(describe(this.#row(asked.object)));
        case "get":
          return await this.#get(asked);
        case "put":
          return answer(describe(await this.#put(asked, body, size)));
        case "delete":
          return this.#delete(asked);
        case "list":
          return this.#list(asked);
      }
    } catch (error) {
      if (error instanceof BucketError) return error.response;
      throw error;
    }
  }

  #row(key: string): ObjectRow {
    const [row] = this.#sql.exec<ObjectRow & Record<string, SqlStorageValue>>(
      "SELECT * FROM objects WHERE key = ?",
      key,
    );
    if (row === undefined) throw new BucketError(NO_SUCH_KEY);
    return row;
  }

  async #get({ object, range }: Ask<"get">): Promise<Response> {
    const row = this.#row(object);
    const slice = sliceOf(range, row.size);
    const json = describe(row, slice);
    if (slice.length === 0) return answer(json);
    const last = slice.offset + slice.length - 1;
    const headers: Record<string, string> = slice.length === row.size ? {} : { range: `bytes=${slice.offset}-${last}` };
    const file = await this.env.FILES.fetch(urlOf(row.file), { headers });
    if (!file.ok) throw new BucketError(NO_SUCH_KEY);
    return answer(json, file.body, slice.length);
  }

  async #put(
    { object: key, httpFields, customFields, sha256 }: Ask<"put">,
    body: ReadableStream<Uint8Array> | null,
    size: number,
  ): Promise<ObjectRow> {
    const file = crypto.randomUUID();
    const kept: More = { httpFields, customFields, sha256 };
    this.#sql.exec("INSERT INTO unnamed_files (file) VALUES (?)", file);
    try {
      const content = body === null || size === 0 ? null : body;
      const { readable, digest } = sha256 === undefined ? { readable: content, digest: null } : hashed(content, size);
      const whole = digest === null ? (readable?.pipeThrough(new FixedLengthStream(size)) ?? null) : readable;
      const { ok, status } = await this.env.FILES.fetch(urlOf(file), { method: "PUT", body: whole });
      if (!ok) throw new Error(`the file could not be written (${status})`);
      if (digest !== null && (await digest) !== sha256) throw new BucketError(BAD_DIGEST);
    } catch (error) {
      this.ctx.waitUntil(this.#removeFiles([file]));
      throw error;
    }
    const row = { key, file, size, uploaded: Date.now(), more: JSON.stringify(kept) };
    const replaced = this.ctx.storage.transactionSync(() => {
      const old = this.#forget([key]);
      this.#sql.exec("DELETE FROM unnamed_files WHERE file = ?", file);
      const columns = "key, file, size, uploaded, more";
      this.#sql.exec(
        `INSERT INTO objects (${columns}) VALUES (?, ?, ?, ?, ?)`,
        key,
        file,
        size,
        row.uploaded,
        row.more,
      );
      return old;
    });
    this.ctx.waitUntil(this.#removeFiles(replaced));
    return row;
  }

  #delete({ object, objects = [] }: Ask<"delete">): Response {
    const keys = object === undefined ? objects : [object];
    const files = this.ctx.storage.transactionSync(() => this.#forget(keys));
    this.ctx.waitUntil(this.#removeFiles(files));
    return new Response();
  }

  /** The files that nothing names any more. */
  #forget(keys: readonly string[]): string[] {
    return keys.flatMap((key) => {
      const rows = this.#sql.exec<{ file: string }>("DELETE FROM objects WHERE key = ? RETURNING file", key).toArray();
      for (const { file } of rows) this.#sql.exec("INSERT INTO unnamed_files (file) VALUES (?)", file);
      return rows.map(({ file }) => file);
    });
  }

  async #removeFiles(files: readonly string[]): Promise<void> {
    for (const file of files) {
      const { ok, status } = await this.env.FILES.fetch(urlOf(file), { method: "DELETE" });
      if (!ok && status !== 404) throw new Error(`the file ${file} could not be removed (${status})`);
      this.#sql.exec("DELETE FROM unnamed_files WHERE file = ?", file);
    }
  }

  #list({ limit = MAX_LISTED, prefix = "", cursor, startAfter = "" }: Ask<"list">): Response {
    const after = cursor === undefined ? startAfter : decodeURIComponent(cursor);
    const rows = this.#sql
      .exec<ObjectRow & Record<string, SqlStorageValue>>(
        "SELECT * FROM objects WHERE key > ? AND substr(key, 1, length(?)) = ? ORDER BY key LIMIT ?",
        after,
        prefix,
        prefix,
        limit + 1,
      )
      .toArray();
    const objects = rows.slice(0, limit);
    const last = rows.length > limit ? objects.at(-1) : undefined;
    return answer({
      objects: objects.map((row) => describe(row)),
      truncated: last !== undefined,
      ...(last === undefined ? {} : { cursor: encodeURIComponent(last.key) }),
      delimitedPrefixes: [],
    });
  }
}

function sliceOf(range: AskedRange | undefined, size: number): Slice {
  const { suffix } = range ?? {};
  const offset = suffix === undefined ? (range?.offset ?? 0) : Math.max(0, size - suffix);
  const length = Math.min(range?.length ?? size, size - offset);
  if (offset > size || (range !== undefined && length <= 0)) throw new BucketError(NOT_SATISFIABLE);
  return { offset, length };
}

/** What goes on as it came, and the hex of its SHA-256, which is there when all of it has gone. */
function hashed(body: ReadableStream<Uint8Array> | null, size: number) {
  const hash = new crypto.DigestStream("SHA-256");
  const { readable, writable } = new FixedLengthStream(size);
  const work = async () => {
    const [toHash, toFile] = [hash.getWriter(), writable.getWriter()];
    try {
      const reader = body?.getReader({ mode: "byob" });
      for (let isOver = reader === undefined; !isOver;) {
        const { value, done } = (await reader?.readAtLeast(HASHED_BYTES, new Uint8Array(HASHED_BYTES))) ?? {
          done: true,
        };
        if (value !== undefined && value.byteLength > 0) {
          await toHash.write(value.slice());
          await toFile.write(value);
        }
        isOver = done;
      }
      await Promise.all([toHash.close(), toFile.close()]);
    } catch (error) {
      await Promise.allSettled([toHash.abort(error), toFile.abort(error)]);
      throw error;
    }
    return [...new Uint8Array(await hash.digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  };
  const digest = work();
  // Whoever reads the file hears of it first.
  digest.catch(() => undefined);
  hash.digest.catch(() => undefined);
  return { readable, digest };
}

const urlOf = (file: string) => `http://files/${file}`;
