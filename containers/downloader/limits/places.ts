/** How many may do something at once here. Each download holds memory for as long as its client likes, who may read nothing. */
import { ApiError } from "../http/api-error.ts";

const AGAIN_S = 10;

export class Places {
  readonly #most: number;
  #taken = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** Throws when there is none. To be given back, once. */
  take(): () => void {
    if (this.#taken >= this.#most) {
      throw new ApiError(503, "BUSY", "too many archives are downloaded from here", { retryAfter: AGAIN_S });
    }
    this.#taken += 1;
    let isTaken = true;
    return () => {
      if (isTaken) this.#taken -= 1;
      isTaken = false;
    };
  }
}
