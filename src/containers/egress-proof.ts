/**
 * The proof that a container's requests come to Gantry: one that it makes itself, to an address that nobody has, has to be
 * answered by the gateway. A request from the Worker would prove nothing. An image without anything that can make one has
 * the registration of its interception for a proof, and says so.
 */
import { PROOF_ADDRESS, proofOf } from "../egress/proof.ts";
import type { ContainerPort, Executed } from "./port.ts";
import type { ProbeResult } from "./probe.ts";
import type { RunRecord } from "./run-record.ts";

/** `open`: it was started past egress. `pending`: unproved, so that it gets no traffic. */
export type Verified = "probe" | "registration" | "open" | "pending";

const URL_OF_PROOF = `http://${PROOF_ADDRESS}/`;
const NO_CLIENT = 127;

/** Whatever of these there is, the quickest first. */
const SCRIPT = `u=${URL_OF_PROOF}
has() { command -v "$1" >/dev/null 2>&1; }
if has curl; then exec curl -sS -m 2 "$u" 2>&1
elif has wget; then exec wget -q -T 2 -O - "$u" 2>&1
elif has bash; then exec bash -c 'exec 3<>/dev/tcp/${PROOF_ADDRESS}/80 && printf "GET / HTTP/1.0\\r\\nHost: ${PROOF_ADDRESS}\\r\\n\\r\\n" >&3 && cat <&3' 2>&1
elif has node; then exec node -e 'fetch(process.argv[1]).then((r) => r.text()).then(console.log, (e) => { console.log(String(e.cause ?? e)); process.exit(1); })' "$u"
elif has python3; then exec python3 -c 'import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1], timeout=2).read().decode())' "$u" 2>&1
fi
exit ${NO_CLIENT}`;

const MAX_SAID = 200;

export async function proveEgress(
  port: ContainerPort,
  record: Pick<RunRecord, "deploymentId" | "generation">,
  timeoutMs: number,
): Promise<ProbeResult> {
  let result: Executed;
  try {
    result = await port.exec(["/bin/sh", "-c", SCRIPT], timeoutMs);
  } catch {
    return { verdict: "refused", detail: "egress is unproved: the container takes no commands yet" };
  }
  if (result.output.includes(proofOf(record))) return { verdict: "proved", detail: "egress is enforced", by: "probe" };
  // No shell is 126 or 127 too.
  if (result.exitCode === NO_CLIENT || result.exitCode === 126) {
    return { verdict: "proved", detail: "nothing in the image can ask", by: "registration" };
  }
  const said = result.output.trim().slice(0, MAX_SAID);
  return unproved(`requests of the container do not come to Gantry${said === "" ? "" : `: ${said}`}`);
}

function unproved(detail: string): ProbeResult {
  return { verdict: "unproved", detail: `egress is unproved: ${detail}` };
}

export function verifiedOf({ isOpen, probes, verified }: Pick<RunRecord, "isOpen" | "probes" | "verified">): Verified {
  if (isOpen === true) return "open";
  return verified ?? (probes.some(({ type }) => type === "egress") ? "pending" : "registration");
}
