/**
 * What was done for the samples in this state, `samples.json` beside the objects' own files: applications that were made
 * once, images that were pushed. So that what somebody has changed or deleted stays as they want it, and so that a state
 * that is thrown away takes the record with it.
 */
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";

const content = z.object({
  /** Names of samples that were applied, or that somebody had an application of before. */
  applied: z.array(z.string()).default([]),
  /** By name, the id that the engine gives to the image that was pushed. */
  pushed: z.record(z.string(), z.string()).default({}),
  /** By name of the secret, what tells whether its value in the environment is another one. */
  secrets: z.record(z.string(), z.string()).default({}),
});
type Content = z.infer<typeof content>;

export class SampleRecord {
  readonly #path: string;
  readonly #content: Content;

  private constructor(path: string, known: Content) {
    this.#path = path;
    this.#content = known;
  }

  /** One that cannot be read is an empty one: what is there already is found out by trying. */
  static async open(folder: string): Promise<SampleRecord> {
    const path = join(folder, "samples.json");
    const text = await readFile(path, "utf8").catch(() => "{}");
    return new SampleRecord(path, parsed(text));
  }

  get applied(): readonly string[] {
    return this.#content.applied;
  }

  pushed(name: string): string | undefined {
    return this.#content.pushed[name];
  }

  secret(name: string): string | undefined {
    return this.#content.secrets[name];
  }

  async addApplied(name: string): Promise<void> {
    if (!this.#content.applied.includes(name)) this.#content.applied.push(name);
    await this.#write();
  }

  async setPushed(name: string, id: string): Promise<void> {
    this.#content.pushed[name] = id;
    await this.#write();
  }

  async setSecret(name: string, mark: string): Promise<void> {
    this.#content.secrets[name] = mark;
    await this.#write();
  }

  async #write(): Promise<void> {
    await mkdir(join(this.#path, ".."), { recursive: true });
    await writeFile(`${this.#path}.new`, `${JSON.stringify(this.#content)}\n`, { mode: 0o600 });
    await rename(`${this.#path}.new`, this.#path);
  }
}

function parsed(text: string): Content {
  try {
    return content.parse(JSON.parse(text));
  } catch {
    return content.parse({});
  }
}
