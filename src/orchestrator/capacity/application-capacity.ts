/** An application's grants, wired to its rows: what the scheduler may begin, and what the account hears of it. */
import type { Load } from "../../account/capacity/load.ts";
import type { Answer, Shortage, Statement } from "../../account/capacity/statement.ts";
import type { Size } from "../../account/amounts.ts";
import type { Deployment } from "../plan/deployment.ts";
import type { CapacityInHand } from "../scheduler-deps.ts";
import type { ApplicationRow } from "../storage/application-row.ts";
import type { Allowance } from "./allowance.ts";
import { mayBePreempted } from "./evict.ts";
import { Grants, heldOf, wantsOf } from "./grants.ts";

export interface CapacityDeps {
  readonly clock: () => number;
  readonly row: () => ApplicationRow | undefined;
  readonly save: (row: ApplicationRow) => void;
  readonly deployments: () => readonly Deployment[];
  readonly sizeOf: (version: number) => Size;
  readonly state: (row: ApplicationRow, statement: Statement) => Promise<Answer>;
  readonly onAnswer: () => void;
  readonly onFailed: (retryAt: number) => void;
}

export class ApplicationCapacity implements CapacityInHand {
  readonly #deps: CapacityDeps;
  readonly #grants: Grants;
  #asking: Promise<unknown> = Promise.resolve();

  constructor(deps: CapacityDeps) {
    this.#deps = deps;
    this.#grants = new Grants({
      clock: deps.clock,
      state: (statement) => {
        const asking = this.#state(statement);
        this.#asking = asking;
        return asking;
      },
      onAnswer: (isLimited) => {
        this.#keepLimited(isLimited);
        deps.onAnswer();
      },
      onFailed: deps.onFailed,
    });
  }

  allowance(row: ApplicationRow): Allowance | undefined {
    return this.#grants.allowance(() => this.#held(), this.#deps.sizeOf(row.activeVersion), row.isLimited === true);
  }

  passed(
    row: ApplicationRow,
    unbegun: ReadonlyMap<string, number> | null,
    unbegunOwn?: ReadonlyMap<string, Size>,
  ): number | null {
    return this.#grants.passed({
      deployments: this.#deps.deployments,
      sizeOf: this.#deps.sizeOf,
      ...this.#standing(row),
      unbegun,
      ...(unbegunOwn === undefined ? {} : { unbegunOwn }),
      isLimited: row.isLimited === true,
      blockedSince: row.blocked?.since ?? null,
    });
  }

  started(count: number): void {
    this.#grants.started(count);
  }

  /** Why one of this size of its own does not begin; null when that is not known, or it may. */
  refusalOf(size: Size): Shortage | null {
    return this.#grants.refusalOf(size);
  }

  rateLimited(): void {
    this.#grants.rateLimited();
  }

  yield(location: string): void {
    this.#grants.yield(location);
  }

  poke(): void {
    this.#grants.poke();
  }

  /** From here on it begins only what is granted. What it holds; null when there is no application. */
  enlist(): Statement | null {
    const row = this.#deps.row();
    if (row === undefined) return null;
    if (row.isLimited !== true) this.#deps.save({ ...row, isLimited: true });
    const wants = wantsOf(this.#held(), new Map());
    const number = this.#grants.forget();
    return { number, ...this.#standing(row), isBound: true, wants, starts: 0, isRateLimited: false };
  }

  /** Nothing is under way to the account. */
  async idle(): Promise<void> {
    await this.#asking.catch(() => undefined);
  }

  #standing(row: ApplicationRow): Pick<Statement, "size" | "priority" | "isPreemptible"> {
    const size = this.#deps.sizeOf(row.activeVersion);
    return { size, priority: row.spec.priority ?? 0, isPreemptible: mayBePreempted(row) };
  }

  #held(): ReadonlyMap<string, Load> {
    return heldOf(this.#deps.deployments(), this.#deps.sizeOf);
  }

  async #state(statement: Statement): Promise<Answer> {
    const row = this.#deps.row();
    if (row === undefined) throw new Error("there is no application any more");
    return await this.#deps.state(row, statement);
  }

  #keepLimited(isLimited: boolean): void {
    const row = this.#deps.row();
    if (row !== undefined && (row.isLimited === true) !== isLimited) this.#deps.save({ ...row, isLimited });
  }
}
