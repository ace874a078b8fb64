/**
 * The registry dies again and again while images are pushed, deleted and its garbage is collected: what was committed stays
 * whole, and nothing that was left behind is in the way of the next push.
 */
import { afterAll, beforeAll, it } from "vitest";
import { issueCredentials, Target } from "../conformance/oci/target.ts";
import { ACCOUNT_ID } from "../contract/server.ts";
import { sleep } from "../../src/sleep.ts";
import { KillablePlane } from "./killable-plane.ts";
import { Pushers } from "./registry-pushers.ts";

const KILLS = 50;
/** Short beside a round: of what was pushed in one, the next one may collect. */
const HOLD_SECONDS = 2;
const CLIENTS = 4;
/** Longest time from the first request of a round to the kill. */
const LONGEST_MS = 500;
/** Clients at once, and how many images each pushes: one of them is deleted again. */
const [PUSHERS, TURNS] = [20, 3];
const LIMIT_MS = 900_000;

let plane: KillablePlane;
let target: Target;

beforeAll(async () => {
  plane = await KillablePlane.create({ REGISTRY_HOLD_SECONDS: String(HOLD_SECONDS) });
  await plane.start();
  const { user, password } = await issueCredentials(plane.origin);
  const basic = `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
  target = new Target(plane.origin, `${ACCOUNT_ID}/`, basic, async () => undefined);
});
afterAll(async () => await plane.remove());

interface Collected {
  readonly blobs: number;
}

async function collect(): Promise<number> {
  const answer = await target.ask("PUT", "/v2/gc/layers");
  if (answer.status !== 200) throw new Error(`${answer.status} to a collection: ${answer.body.toString()}`);
  const { blobs }: Collected = JSON.parse(answer.body.toString());
  return blobs;
}

/** Until the registry dies, which is how each of them ends; what it answered before must have been no error of its own. */
async function untilDeath(isOver: () => boolean, work: (turn: number) => Promise<unknown>): Promise<string[]> {
  const wrong: string[] = [];
  for (let turn = 0; !isOver(); turn += 1)
    // oxlint-disable-next-line no-loop-func -- each turn ends before the next one
    await work(turn).catch((error: unknown) => {
      if (!isOver()) wrong.push(String(error));
    });
  return wrong;
}

it(
  `is killed ${KILLS} times during pushes and collections, and loses nothing`,
  async ({ expect }) => {
    const pushers = new Pushers(target.repository("killed"));
    let [kills, collected, resumed] = [0, 0, 0];
    for (let round = 0; round < KILLS; round += 1) {
      let isOver = false;
      const clients = Array.from({ length: CLIENTS }, (_, client) =>
        untilDeath(
          () => isOver,
          async (turn) => {
            await pushers.push();
            if (turn % 4 === 3) await pushers.deleteOne();
            if (client === 0 && turn % 3 === 0) await pushers.litter();
          },
        ),
      );
      const collector = untilDeath(
        () => isOver,
        async () => (collected += await collect()),
      );
      await sleep(Math.random() * LONGEST_MS);
      // From here on requests may fail: the answers that came before are kept.
      isOver = true;
      if ((await plane.kill()) > 0) kills += 1;
      const wrong = (await Promise.all([...clients, collector])).flat();
      await plane.start();
      expect({ round, wrong, faults: await pushers.faults(20) }).toEqual({ round, wrong: [], faults: [] });
      resumed += await pushers.resume();
      // Nothing of before is in the way.
      expect(await pushers.push()).toBe(true);
    }
    expect(await pushers.faults()).toEqual([]);
    await sleep(HOLD_SECONDS * 1_000);
    collected += await collect();
    expect(await pushers.faults()).toEqual([]);
    expect(kills).toBe(KILLS);
    expect(collected).toBeGreaterThan(0);
    expect(resumed).toBeGreaterThan(0);
    expect(pushers.committed).toBeGreaterThan(KILLS);
  },
  LIMIT_MS,
);

it(
  `collects garbage beside ${PUSHERS} concurrent pushes, and every image that was pushed can be pulled`,
  async ({ expect }) => {
    const pushers = new Pushers(target.repository("beside"));
    let isOver = false;
    let collected = 0;
    const collector = untilDeath(
      () => isOver,
      async () => (collected += await collect()),
    );
    const client = async () => {
      for (let turn = 0; turn < TURNS; turn += 1) {
        // As clients do whose layer went: once more.
        while (!(await pushers.push()));
        if (turn === 1) await pushers.deleteOne();
        await pushers.litter();
      }
    };
    await Promise.all(Array.from({ length: PUSHERS }, client));
    expect(await pushers.faults()).toEqual([]);
    // What nobody names any more is over its hold now, and goes; the images stay.
    await sleep(HOLD_SECONDS * 1_000);
    collected += await collect();
    isOver = true;
    expect(await collector).toEqual([]);
    expect(collected).toBeGreaterThan(0);
    expect(await pushers.faults()).toEqual([]);
    expect(pushers.committed).toBe(PUSHERS * (TURNS - 1));
  },
  LIMIT_MS,
);
