/** What tests ask a server with, and what it says where it refuses. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";

/** What curl prints, with the arguments of somebody who has read the documentation. */
export async function curl(...args: readonly string[]): Promise<Buffer> {
  return (await promisify(execFile)("curl", ["-sS", ...args], { encoding: "buffer" })).stdout;
}

export interface Refusal {
  readonly status: number;
  readonly error: { readonly code: string; readonly message: string; readonly platforms?: readonly string[] };
  readonly message: string;
}

export async function refusal(response: Response): Promise<Refusal> {
  return { ...(await response.json<Refusal>()), status: response.status };
}

export async function postJson(url: string, body: object): Promise<Response> {
  const headers = { "content-type": "application/json" };
  return await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
}
