/** R2 did not do what it was asked: nothing that a client did, and likely to pass. */
export class StoreFailed extends Error {
  override readonly name = "StoreFailed";
  readonly retryable = true;
}
