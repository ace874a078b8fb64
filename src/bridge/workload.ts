/** Who speaks over the bridge: one placement, known by where it calls from or by its token, never by what it says. */

export interface Workload {
  readonly applicationId: string;
  readonly deploymentId: string;
  readonly generation: number;
}

/** What a bound Worker hears of a caller, and a caller of itself. */
export interface Caller {
  /** The application's name. */
  readonly application: string;
  /** Public id: 64 hex digits. */
  readonly instance: string;
  /** What it is called by; null for a member of the pool. */
  readonly name: string | null;
  readonly generation: number;
}
