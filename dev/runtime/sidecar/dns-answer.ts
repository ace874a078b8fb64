/**
 * Answers one DNS query: an address for a name that the policy lets through, "no such name" for any other.
 */
import { AUTHORITATIVE_ANSWER, decode, encode, RECURSION_AVAILABLE, RECURSION_DESIRED } from "dns-packet";

const NXDOMAIN = 3;
/** Short: an application that keeps an address for long must not outlive the address book's entry. */
const TTL_SECONDS = 60;

/** Takes a name, returns its IPv4 address, or undefined where the name must not resolve. */
export type Resolve = (name: string) => string | undefined;

/** The reply to send, or undefined for what is no query. */
export function answerQuery(message: Buffer, resolve: Resolve): Buffer | undefined {
  const query = decodeQuery(message);
  const question = query?.questions?.[0];
  if (query === undefined || question === undefined) return undefined;
  const address = resolve(question.name);
  // A name that exists has no IPv6 address: an empty answer, so that clients go on with IPv4.
  const hasAnswer = address !== undefined && question.type === "A";
  return encode({
    type: "response",
    id: query.id ?? 0,
    flags:
      ((query.flags ?? 0) & RECURSION_DESIRED) |
      RECURSION_AVAILABLE |
      AUTHORITATIVE_ANSWER |
      (address === undefined ? NXDOMAIN : 0),
    questions: [question],
    answers: hasAnswer ? [{ type: "A", name: question.name, ttl: TTL_SECONDS, data: address }] : [],
  });
}

function decodeQuery(message: Buffer): ReturnType<typeof decode> | undefined {
  try {
    const packet = decode(message);
    return packet.type === "query" ? packet : undefined;
  } catch {
    return undefined;
  }
}
