/** Who calls, as the container that is called reads it: a dictionary of structured fields (RFC 9651). Pure. */

/** The container that makes an internal call, known by the interception. */
export interface InternalCaller {
  readonly accountId: string;
  /** Its name. */
  readonly application: string;
  readonly applicationId: string;
  /** Public id: 64 hex digits. */
  readonly instance: string;
  /** What it is called by; null for a member of the pool. */
  readonly name: string | null;
  readonly generation: number;
}

export function callerHeader({ application, instance, name, generation }: InternalCaller): string {
  const members = [`application=${quoted(application)}`, `instance=${quoted(instance)}`];
  if (name !== null) members.push(`name=${quoted(name)}`);
  members.push(`generation=${generation}`);
  return members.join(", ");
}

/** A name has visible ASCII only, which is what a string of structured fields may have. */
function quoted(text: string): string {
  return `"${text.replaceAll(/["\\]/g, String.raw`\$&`)}"`;
}
