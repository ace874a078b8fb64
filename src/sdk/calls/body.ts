/** A long answer whose breaking off is told apart from its end. */
import { INSTANCE_HEADER } from "../binding.ts";
import { GantryError } from "../errors.ts";

/**
 * The same answer; reading its body fails with `CONNECTION_LOST` when the stream breaks off. An answer that is passed on
 * as it is does not need this, and is cheaper without.
 */
export function withTypedErrors(response: Response): Response {
  const { body, status, statusText, headers } = response;
  if (body === null) return response;
  const reader = body.getReader();
  const typed = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { done, value } = await reader.read();
        if (done) controller.close();
        else controller.enqueue(value);
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        const instance = headers.get(INSTANCE_HEADER);
        throw new GantryError("CONNECTION_LOST", `the answer broke off: ${why}`, { instance, cause: error });
      }
    },
    cancel: (reason) => reader.cancel(reason),
  });
  return new Response(typed, { status, statusText, headers });
}
