/**
 * A shard's side of an application that is spread over several objects: tells shard 0 what happens here, in order and at
 * least once. Shard 0 knows each event by its number, so that what is told twice is kept once. In any other object it
 * does nothing.
 */
import type { Database } from "../../database.ts";
import { describeError } from "../../errors.ts";
import type { Timers } from "../../timers.ts";
import { withTimeout } from "../../with-timeout.ts";
import { lastEventId, listEvents } from "../events.ts";
import type { ApplicationRow } from "../storage/application-row.ts";
import { NEWS_PAGE, type News, type Told } from "./protocol.ts";
import { sameSummary, type Summary } from "./summary.ts";

export interface ForwarderDeps {
  readonly db: Database;
  readonly timers: Timers;
  readonly clock: () => number;
  readonly row: () => ApplicationRow | undefined;
  readonly summary: () => Summary | null;
  readonly tell: (row: ApplicationRow, news: News) => Promise<Told>;
  /** Shard 0 knows of no such application. */
  readonly onDisowned: () => void;
}

export const TELL_TIMER = "tell";
/** What happens within that time is told together. */
const GATHER_MS = 10;
const AGAIN_MS = 2_000;
const ANSWER_MS = 20_000;

export class Forwarder {
  readonly #deps: ForwarderDeps;
  /** The last event that shard 0 has; null: this lifetime has not heard. */
  #known: number | null = null;
  #summary: Summary | null = null;
  #isArmed = false;
  #telling: Promise<void> | null = null;
  #isAgain = false;

  constructor(deps: ForwarderDeps) {
    this.#deps = deps;
  }

  get #row(): ApplicationRow | undefined {
    const row = this.#deps.row();
    return row?.sharding === undefined || row.sharding.shard === 0 ? undefined : row;
  }

  /** Something may have changed in this turn. */
  soon(): void {
    if (this.#isArmed || this.#row === undefined) return;
    this.#isArmed = true;
    // After the turn, when its writes are kept or rolled back as a whole.
    queueMicrotask(() => {
      const { db, timers, clock } = this.#deps;
      if (this.#row !== undefined && lastEventId(db) > (this.#known ?? 0)) this.#remember(timers, clock());
      setTimeout(() => {
        this.#isArmed = false;
        void this.#tell();
      }, GATHER_MS);
    });
  }

  /** What happened here after an event, and how it is here now. */
  news(after: number, row: ApplicationRow | undefined, isGone: boolean): News {
    const { db, summary } = this.#deps;
    const shard = row?.sharding?.shard ?? 0;
    if (row === undefined) return { shard, events: [], isMore: false, summary: null, isGone };
    // Of what was dropped since, nothing is left to tell.
    const oldest = db.one<{ id: number | null }>("SELECT MIN(id) AS id FROM events")?.id ?? 1;
    const newest = lastEventId(db);
    const from = Math.min(Math.max(after, oldest - 1), newest);
    const { events } = listEvents(db, from, NEWS_PAGE);
    const isMore = (events.at(-1)?.id ?? from) < newest;
    return { shard, events, isMore, summary: isGone ? null : summary(), isGone };
  }

  async onTimer(): Promise<void> {
    await this.#tell();
    if (this.#row === undefined || lastEventId(this.#deps.db) <= (this.#known ?? 0)) return;
    // The timer comes again, later each time.
    throw new Error("shard 0 has not been told yet");
  }

  /** Everything was told, and that nothing will follow. Throws when it was not heard. */
  async finish(row: ApplicationRow): Promise<void> {
    if (this.#known === null) await this.#say(row, this.news(Number.MAX_SAFE_INTEGER, row, false));
    for (;;) {
      const news = this.news(this.#known ?? 0, row, true);
      const { known, isOwner } = await this.#say(row, { ...news, isGone: !news.isMore });
      if (!isOwner || (!news.isMore && known >= lastEventId(this.#deps.db))) return;
    }
  }

  #tell(): Promise<void> {
    if (this.#telling !== null) {
      this.#isAgain = true;
      return this.#telling;
    }
    this.#telling = this.#untilTold()
      .catch((error: unknown) => {
        console.warn({ message: "application.shard.untold", error: describeError(error) });
      })
      .finally(() => {
        this.#telling = null;
      });
    return this.#telling;
  }

  async #untilTold(): Promise<void> {
    const { db, timers, summary, onDisowned } = this.#deps;
    for (;;) {
      const row = this.#row;
      if (row === undefined) return;
      this.#isAgain = false;
      const isKnown = this.#known !== null && this.#known >= lastEventId(db);
      if (isKnown && sameSummary(summary(), this.#summary)) break;
      // The first word of a lifetime asks what is known already.
      const news = this.news(this.#known ?? Number.MAX_SAFE_INTEGER, row, false);
      const { isOwner } = await this.#say(row, news);
      if (!isOwner) {
        onDisowned();
        return;
      }
      this.#summary = news.summary;
      if (!this.#isAgain && (this.#known ?? 0) >= lastEventId(db)) break;
    }
    if (this.#row !== undefined) timers.clear(TELL_TIMER);
  }

  async #say(row: ApplicationRow, news: News): Promise<Told> {
    const told = await withTimeout(this.#deps.tell(row, news), ANSWER_MS);
    this.#known = told.known;
    return told;
  }

  #remember(timers: Timers, now: number): void {
    const current = timers.dueAt(TELL_TIMER);
    if (current === null || current > now + AGAIN_MS) timers.set(TELL_TIMER, now + AGAIN_MS);
  }
}
