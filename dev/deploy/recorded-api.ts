/**
 * The recorded Cloudflare API on loopback, for the tests of the deploy command: starts from the state of an account in
 * fixtures/accounts, remembers what is created, keeps every request, and fails where a test tells it to.
 */
import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { buffer } from "node:stream/consumers";
import { join } from "node:path";
import {
  type Answer,
  answerRequest,
  type ErrorName,
  type RecordedAccount,
  recordedAccount,
  type RecordedRequest,
} from "./recorded-routes.ts";
import errors from "./fixtures/errors.json" with { type: "json" };

export const RECORDED_ACCOUNT_ID = "0123456789abcdef0123456789abcdef";
export const RECORDED_TOKEN = "recorded-token";

type Interception = (account: RecordedAccount) => ErrorName | undefined;

export interface RecordedApi {
  readonly baseUrl: string;
  readonly account: RecordedAccount;
  readonly requests: readonly RecordedRequest[];
  /** `POST /queues`, in the order of arrival; only the calls that change something unless `all`. */
  calls(which?: "all"): string[];
  /** Calls that the recording knows nothing of: a test of a success expects none. */
  readonly unknown: readonly string[];
  /** The next `times` requests of this kind run `act` first and fail as it says. */
  intercept(call: string, times: number, act: Interception): void;
  close(): Promise<void>;
}

export async function startRecordedApi(
  fixture: "empty" | "half" | "full",
  { perPage = 100 }: { perPage?: number } = {},
): Promise<RecordedApi> {
  const path = join(import.meta.dirname, "fixtures", "accounts", `${fixture}.json`);
  const account = recordedAccount.parse(JSON.parse(await readFile(path, "utf8")));
  const requests: RecordedRequest[] = [];
  const unknown: string[] = [];
  const interceptions: { call: string; times: number; act: Interception }[] = [];

  const server = createServer((incoming, response) => {
    void readRequest(incoming).then((request) => {
      requests.push(request);
      const planned = interceptions.find(({ call, times }) => times > 0 && call === nameOf(request));
      if (planned !== undefined) planned.times -= 1;
      const refused = isAuthorised(incoming) ? planned?.act(account) : "invalid token";
      const answer: Answer = refused === undefined ? answerRequest(account, request) : { error: refused };
      if ("error" in answer && answer.error === "no route") unknown.push(nameOf(request));
      respond(response, answer, request, perPage);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the recorded API has no port");
  return {
    baseUrl: `http://127.0.0.1:${address.port}/client/v4`,
    account,
    requests,
    unknown,
    calls: (which) => requests.filter(({ method }) => which === "all" || method !== "GET").map(nameOf),
    intercept: (call, times, act) => interceptions.push({ call, times, act }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function nameOf({ method, path }: RecordedRequest): string {
  return `${method} ${path}`;
}

function isAuthorised({ headers }: IncomingMessage): boolean {
  return headers.authorization === `Bearer ${RECORDED_TOKEN}`;
}

async function readRequest(incoming: IncomingMessage): Promise<RecordedRequest> {
  const url = new URL(incoming.url ?? "/", "http://recorded");
  return {
    method: incoming.method ?? "GET",
    path: url.pathname.replace(`/client/v4/accounts/${RECORDED_ACCOUNT_ID}`, ""),
    query: url.searchParams,
    headers: incoming.headers,
    body: await parseBody(await buffer(incoming), incoming.headers["content-type"] ?? ""),
  };
}

async function parseBody(body: Buffer, contentType: string): Promise<unknown> {
  if (body.length === 0) return undefined;
  if (!contentType.startsWith("multipart/form-data")) return JSON.parse(body.toString());
  const form = await new Response(body, { headers: { "content-type": contentType } }).formData();
  const metadata = form.get("metadata");
  return typeof metadata === "string" ? JSON.parse(metadata) : undefined;
}

function respond(response: ServerResponse, answer: Answer, { query }: RecordedRequest, perPage: number): void {
  response.setHeader("content-type", "application/json");
  if ("error" in answer) {
    const { status, code, message, ...rest } = { headers: {}, ...errors[answer.error] };
    for (const [name, value] of Object.entries(rest.headers)) response.setHeader(name, value);
    response.statusCode = status;
    response.end(JSON.stringify({ success: false, errors: [{ code, message }], messages: [], result: null }));
    return;
  }
  const envelope = { success: true, errors: [], messages: [] };
  response.end(JSON.stringify({ ...envelope, ...("list" in answer ? pageOf(answer, query, perPage) : answer) }));
}

function pageOf(answer: Extract<Answer, { list: unknown }>, query: URLSearchParams, perPage: number) {
  const page = Number(query.get("page_token") ?? query.get("page") ?? 1);
  const result = answer.list.slice((page - 1) * perPage, page * perPage);
  const total = answer.list.length;
  if (answer.pageBy === "token") {
    const next = page * perPage < total ? { next_page_token: String(page + 1) } : {};
    return { result, result_info: { per_page: perPage, ...next } };
  }
  return { result, result_info: { page, per_page: perPage, count: result.length, total_count: total } };
}
