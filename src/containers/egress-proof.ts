/**
 * The proof that a container's requests come to Gantry: one that it makes itself, to an address that nobody has, has to be
 * answered by the gateway. A request from the Worker would prove nothing. An image without anything that can make one has
 * the registration of its interception for a proof, and says so.
 */
import { PROOF_ADDRESS, PROOF_URL, proofOf } from "../egress/proof.ts";
import type { ContainerPort, Executed } from "./port.ts";
import type { ProbeResult } from "./probe.ts";
import type { RunRecord } from "./run-record.ts";

/** `open`: it was started past egress. `pending`: unproved, so that it gets no traffic. */
export type Verified = "probe" | "registration" | "open" | "pending";

const NO_CLIENT = 127;

/**
 * Whatever of these there is, the quickest first, until one brings the proof. One that dies of a signal, as a static busybox
 * does, cannot ask.
 */
const SCRIPT = `u=${PROOF_URL}
said=""
asked=0
try() {
  command -v "$1" >/dev/null 2>&1 || return 0
  out=$("$@" 2>&1)
  code=$?
  case "$out" in *gantry-egress*) echo "$out"; exit 0 ;; esac
  [ "$code" -gt 128 ] || { asked=1; said="$out"; }
}
try curl -sS -m 1 "$u"
try wget -q -T 1 -O - "$u"
try bash -c 'exec 3<>/dev/tcp/${PROOF_ADDRESS}/80 && printf "GET ${new URL(PROOF_URL).pathname} HTTP/1.0\r\nHost: ${PROOF_ADDRESS}\r\n\r\n" >&3 && cat <&3'
try node -e 'fetch(process.argv[1], { signal: AbortSignal.timeout(1000) }).then((r) => r.text()).then(console.log, (e) => { console.log(String(e.cause ?? e)); process.exit(1); })' "$u"
try python3 -c 'import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1], timeout=1).read().decode())' "$u"
[ "$asked" = 1 ] || exit ${NO_CLIENT}
echo "$said"
exit 1`;

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

export function verifiedOf({ reach, probes, verified }: Pick<RunRecord, "reach" | "probes" | "verified">): Verified {
  if (reach === "internal") return "open";
  return verified ?? (probes.some(({ type }) => type === "egress") ? "pending" : "registration");
}
