/**
 * Shard 0's side of an application that is spread over several objects: brings the others in line with the specification,
 * takes over what they tell, and decides whose turn it is to replace instances. In any other object it does nothing.
 *
 * What has to be said is the application's row itself; a shard's record says how much of it has been acknowledged. The
 * timer is set in the turn that changes the row and stands until all have followed, so that a crash loses nothing.
 */
import { inBatches } from "../../batches.ts";
import type { Database } from "../../database.ts";
import { describeError, GantryError } from "../../errors.ts";
import type { Timers } from "../../timers.ts";
import { withTimeout } from "../../with-timeout.ts";
import type { StoredEvent } from "../events.ts";
import type { Location } from "../placement/location.ts";
import type { BlockedReason } from "../placement/placing.ts";
import type { ApplicationRow, Version } from "../storage/application-row.ts";
import type { Beside, Followed, News, Order, Told } from "./protocol.ts";
import { NEW_SHARD, readRecords, writeRecord, type ShardRecord } from "./records.ts";
import { wantedOf } from "../warm.ts";
import { shareAt } from "./sharding.ts";
import { summed, toldAnew, unheard, type Summary } from "./summary.ts";
import { nextHolder, type Standing } from "./turns.ts";

export interface CoordinatorDeps {
  readonly db: Database;
  readonly timers: Timers;
  readonly clock: () => number;
  readonly row: () => ApplicationRow | undefined;
  readonly save: (row: ApplicationRow) => void;
  /** Of this object. */
  readonly own: (row: ApplicationRow) => Summary;
  readonly isOutdated: (row: ApplicationRow) => boolean;
  readonly versions: () => readonly Version[];
  readonly locations: () => readonly Location[] | null;
  readonly follow: (row: ApplicationRow, shard: number, order: Order) => Promise<Followed>;
  readonly news: (row: ApplicationRow, shard: number, after: number) => Promise<News>;
  /** Events of a shard, to be kept in the application's log. */
  readonly onEvents: (events: readonly StoredEvent[]) => void;
  /** What is known of the whole may have changed. */
  readonly onHeard: () => void;
  /** This object may do now what it might not. */
  readonly onTurn: () => void;
}

export const SHARDS_TIMER = "shards";
/** How soon a shard that has not followed is told again. */
const AGAIN_MS = 2_000;
/** A write is stored before the shards hear of it; whoever made it waits for them so long. */
const FOLLOWED_WITHIN_MS = 5_000;
const ANSWER_MS = 20_000;
/** Nobody else's: what is asked of a shard that is not there yet. */
const NOTHING_TOLD: Told = { known: Number.MAX_SAFE_INTEGER, isOwner: false };

export class Coordinator {
  readonly #deps: CoordinatorDeps;
  readonly #summaries = new Map<number, Summary>();
  readonly #lanes = new Map<number, Promise<void>>();
  #records: Map<number, ShardRecord> | null = null;
  #isConsidering = false;
  #isLooking = false;
  #refreshing: Promise<void> | null = null;
  #refreshingNext: Promise<void> | null = null;

  constructor(deps: CoordinatorDeps) {
    this.#deps = deps;
  }

  /** The other shards; none where there is one, and none for any but shard 0. */
  get others(): readonly number[] {
    return othersOf(this.#deps.row());
  }

  get isSpread(): boolean {
    return this.others.length > 0;
  }

  /** Of all shards, as far as they have been heard of. */
  summaries(row: ApplicationRow): Summary[] {
    const instances = wantedOf(row.spec);
    const shards = row.sharding?.shards ?? 1;
    const others = othersOf(row).map((k) => this.#summaries.get(k) ?? unheard(shareAt(k, shards, instances)));
    return [this.#deps.own(row), ...others];
  }

  /** Of the other shards that follow the row as it is; null for each that does not. */
  heardBy(row: ApplicationRow): readonly (Summary | null)[] {
    return othersOf(row).map((shard) => {
      const summary = this.#summaries.get(shard);
      const isCurrent = summary !== undefined && summary.generation >= row.generation;
      return isCurrent && summary.turn >= (row.sharding?.turn ?? 0) ? summary : null;
    });
  }

  /** What the other shards have, as far as it is known. */
  beside(shard: number): Beside {
    const row = this.#deps.row();
    const own = row === undefined || shard === 0 ? [] : [this.#deps.own(row)];
    const others = [...this.#summaries].flatMap(([other, summary]) => (other === shard ? [] : [summary]));
    return {
      placed: summed([...own, ...others].map(({ placed }) => placed)),
      failures: Object.assign({}, ...[...own, ...others].map(({ failures }) => failures)),
    };
  }

  /** Why placements are blocked in other shards, as far as that is known. */
  blockedBeside(shard: number): BlockedReason[] {
    const row = this.#deps.row();
    const own = shard === 0 ? null : (row?.blocked?.reason ?? null);
    const others = othersOf(row).flatMap((other) => {
      const reason = other === shard ? null : (this.#summaries.get(other)?.blocked?.reason ?? null);
      return reason === null ? [] : [reason];
    });
    return own === null ? others : [own, ...others];
  }

  /** The specification was changed in this turn. */
  begin(): void {
    if (!this.isSpread) return;
    const { timers, clock } = this.#deps;
    timers.set(SHARDS_TIMER, clock() + AGAIN_MS);
    for (const shard of this.others) if (this.#isBehind(shard)) void this.#bring(shard).catch(ignored);
  }

  /** The shards have followed what was written, or take too long. */
  async followed(): Promise<void> {
    if (this.#lanes.size === 0) return;
    const lanes = Promise.allSettled(this.#lanes.values());
    await withTimeout(lanes, FOLLOWED_WITHIN_MS).catch(ignored);
  }

  /**
   * Hears from every shard how it is from now on, and takes over what it has to tell. Throws when one does not answer. A
   * burst of callers asks once: those who come while an earlier question is under way share the next.
   */
  async refresh(): Promise<void> {
    if (!this.isSpread) return;
    if (this.#refreshing === null) {
      this.#refreshing = this.#pullAll().finally(() => {
        this.#refreshing = null;
      });
      await this.#refreshing;
      return;
    }
    this.#refreshingNext ??= this.#refreshing.catch(ignored).then(async () => {
      this.#refreshingNext = null;
      await this.refresh();
    });
    await this.#refreshingNext;
  }

  async #pullAll(): Promise<void> {
    await inBatches(this.others, async (shard) => await this.#pull(shard));
    this.consider();
  }

  /** The same of one shard. */
  async refreshOne(shard: number): Promise<void> {
    if (this.others.includes(shard)) await this.#pull(shard);
  }

  /** Asks every other shard; one that has nothing to do with the application any more, or not yet, is left out. */
  async askAll<T>(question: (shard: number) => Promise<T>): Promise<T[]> {
    const answers = await inBatches(this.others, async (shard) => [await this.ask(shard, question, null)] as const);
    return answers.flatMap(([answer]) => (answer === null ? [] : [answer]));
  }

  /** `absent`: what it means that the shard has no such application. Asked once more when its object was reset meanwhile. */
  async ask<T, A>(shard: number, question: (shard: number) => Promise<T>, absent: A): Promise<T | A> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await question(shard);
      } catch (error) {
        if (GantryError.is(error) && error.code === "APPLICATION_NOT_FOUND") return absent;
        if (GantryError.is(error) || attempt > 1) throw error;
      }
    }
  }

  /** A shard tells what has happened. */
  told(news: News): Told {
    const row = this.#deps.row();
    if (!othersOf(row).includes(news.shard)) return NOTHING_TOLD;
    this.#take(news);
    this.consider();
    return { known: this.#record(news.shard).event, isOwner: true };
  }

  /** Every other shard has ended what it had. */
  get areGone(): boolean {
    return this.others.every((shard) => this.#record(shard).isGone);
  }

  /** It has nothing, for good. Throws when it may yet be made. */
  mustBeGone(shard: number): null {
    if (this.#record(shard).isGone) return null;
    throw new Error(`shard ${shard} is not made yet`);
  }

  /** Looks, at the end of this turn, whether it is another shard's turn. */
  consider(): void {
    if (this.#isConsidering || !this.isSpread) return;
    this.#isConsidering = true;
    queueMicrotask(() => {
      this.#isConsidering = false;
      this.#steer();
    });
  }

  async onTimer(): Promise<void> {
    if (!this.isSpread) return;
    const open = this.others.filter((shard) => this.#isBehind(shard));
    const brought = await Promise.allSettled(open.map((shard) => this.#bring(shard)));
    const failed = brought.find(({ status }) => status === "rejected");
    // The timer comes again, later each time.
    if (failed?.status === "rejected") throw failed.reason;
  }

  #steer(): void {
    const { row: current, save, onTurn } = this.#deps;
    const row = current();
    if (row?.sharding === undefined || othersOf(row).length === 0 || row.deleting) return;
    if (this.others.some((shard) => !this.#summaries.has(shard))) {
      this.#look();
      return;
    }
    const { turn } = row.sharding;
    const own: Standing = { shard: 0, isCurrent: true, isOutdated: this.#deps.isOutdated(row) };
    const others = [...this.#summaries].map(([shard, summary]): Standing => {
      const isCurrent = summary.generation >= row.generation && summary.turn >= turn;
      return { shard, isCurrent, isOutdated: summary.isOutdated };
    });
    const holder = nextHolder(row.sharding, [own, ...others]);
    if (holder === undefined) return;
    save({ ...row, sharding: { ...row.sharding, turn: turn + 1, holder } });
    this.begin();
    if (holder === 0) onTurn();
    else this.consider();
  }

  /** This lifetime has not heard of all: what is decided is decided by what all say. */
  #look(): void {
    if (this.#isLooking) return;
    this.#isLooking = true;
    this.refresh()
      .catch((error: unknown) => {
        console.warn({ message: "application.shards.silent", error: describeError(error) });
      })
      .finally(() => {
        this.#isLooking = false;
      });
  }

  #isBehind(shard: number): boolean {
    const row = this.#deps.row();
    const { generation, turn, isGone } = this.#record(shard);
    if (row?.sharding === undefined || isGone) return false;
    return generation < row.generation || turn < row.sharding.turn;
  }

  /** One message to a shard at a time; what changes meanwhile is said by the next. */
  #bring(shard: number): Promise<void> {
    const known = this.#lanes.get(shard);
    if (known !== undefined) return known;
    const lane = this.#deliver(shard).finally(() => this.#lanes.delete(shard));
    this.#lanes.set(shard, lane);
    return lane;
  }

  async #deliver(shard: number): Promise<void> {
    while (this.#isBehind(shard)) {
      try {
        const followed = await this.ask(shard, () => this.#follow(shard), null);
        if (followed === null) return;
        this.#acknowledged(shard, followed);
      } catch (error) {
        console.warn({ message: "application.shard.behind", shard, error: describeError(error) });
        throw error;
      }
    }
  }

  #follow(shard: number): Promise<Followed> {
    const row = this.#mustRow();
    return withTimeout(this.#deps.follow(row, shard, this.#order(row, shard)), ANSWER_MS);
  }

  #order(row: ApplicationRow, shard: number): Order {
    const { blocked: _, ...wanted } = row;
    const { sharding } = wanted;
    const known = this.#record(shard).version;
    const locations = this.#deps.locations();
    return {
      row: { ...wanted, ...(sharding === undefined ? {} : { sharding: { ...sharding, shard } }) },
      versions: this.#deps.versions().filter(({ version }) => version > known),
      ...(locations === null ? {} : { locations }),
      beside: this.beside(shard),
    };
  }

  #acknowledged(shard: number, { generation, turn, version, isGone, summary }: Followed): void {
    if (!this.others.includes(shard)) return;
    const before = this.#record(shard);
    this.#keep(shard, {
      ...before,
      generation: Math.max(before.generation, generation),
      turn: Math.max(before.turn, turn),
      version: Math.max(before.version, version),
      isGone: before.isGone || isGone,
    });
    this.#learn(shard, summary);
    if (!this.others.some((other) => this.#isBehind(other))) this.#deps.timers.clear(SHARDS_TIMER);
    this.consider();
    this.#deps.onHeard();
  }

  async #pull(shard: number): Promise<void> {
    for (;;) {
      const after = this.#record(shard).event;
      const look = () => withTimeout(this.#deps.news(this.#mustRow(), shard, after), ANSWER_MS);
      const news = await this.ask(shard, look, null);
      // It may have been erased meanwhile.
      if (news === null || !this.others.includes(shard)) return;
      this.#take(news);
      if (!news.isMore) return;
    }
  }

  /** In one turn: what was told twice is known by its number. */
  #take({ shard, events, summary, isGone }: News): void {
    const before = this.#record(shard);
    const fresh = events.filter(({ id }) => id > before.event);
    this.#deps.db.transaction(() => {
      // The summary before the events: who is woken by them looks at it.
      this.#learn(shard, summary);
      const told = toldAnew(fresh, this.blockedBeside(shard));
      if (told.length > 0) this.#deps.onEvents(told);
      this.#keep(shard, { ...before, event: fresh.at(-1)?.id ?? before.event, isGone: before.isGone || isGone });
    });
    this.#deps.onHeard();
  }

  #learn(shard: number, summary: Summary | null): void {
    if (summary !== null && summary.stamp > (this.#summaries.get(shard)?.stamp ?? 0)) {
      this.#summaries.set(shard, summary);
    }
  }

  #mustRow(): ApplicationRow {
    const row = this.#deps.row();
    if (row === undefined) throw new GantryError("APPLICATION_NOT_FOUND", "application not found");
    return row;
  }

  #record(shard: number): ShardRecord {
    this.#records ??= readRecords(this.#deps.db);
    return this.#records.get(shard) ?? NEW_SHARD;
  }

  #keep(shard: number, record: ShardRecord): void {
    const before = this.#record(shard);
    if (JSON.stringify(before) === JSON.stringify(record)) return;
    writeRecord(this.#deps.db, shard, record);
    this.#records?.set(shard, record);
  }
}

function othersOf(row: ApplicationRow | undefined): readonly number[] {
  if (row?.sharding === undefined || row.sharding.shard !== 0) return [];
  return Array.from({ length: row.sharding.shards - 1 }, (_, index) => index + 1);
}

/** The timer comes back to it. */
function ignored(): void {}
