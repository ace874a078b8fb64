/** What a message needs is on its way: it is sent again later, and nothing is wrong. */
export class NotYet extends Error {
  override readonly name = "NotYet";
}
