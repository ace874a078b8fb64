/**
 * `handle.egress`: what one named instance may reach. A change holds from its next request on, also through sleep and new
 * containers, until it is reset or the instance is destroyed. What is denied wins over what is allowed. Which spelling a
 * host may have, and what a change comes to, is for the control plane to say.
 */
import type { EgressChange, EgressState } from "./binding.ts";
import { invalidInput } from "./errors.ts";

/** `api.example.com`; `*.example.com`, which is everything below it and not itself; an address; `10.0.0.0/8`. */
export type Hosts = string | readonly string[];

/**
 * Every change starts an instance that nobody has called yet, as `start` does. Until it was made, what the application's
 * policy says holds for it.
 */
export interface ContainerEgress {
  /** May be reached as well. Where nothing is denied by default and there is no list, that is so already. */
  allow(hosts: Hosts): Promise<EgressState>;
  /** May not be reached any more, whatever else says so. */
  deny(hosts: Hosts): Promise<EgressState>;
  /** Taken off the list of what is allowed; refused where it is allowed all the same. */
  removeAllowed(hosts: Hosts): Promise<EgressState>;
  /** Taken off the list of what is denied; refused where it is denied all the same. */
  removeDenied(hosts: Hosts): Promise<EgressState>;
  /** In place of the application's list, and of what was added: `[]` allows nothing. `null`: the application's again. */
  setAllowed(hosts: Hosts | null): Promise<EgressState>;
  setDenied(hosts: Hosts | null): Promise<EgressState>;
  /** The application's policy holds again. Starts nothing. */
  reset(): Promise<EgressState>;
  /** What holds for it now. Starts nothing. */
  get(): Promise<EgressState>;
}

interface EgressCalls {
  readonly get: () => Promise<EgressState>;
  readonly change: (change: EgressChange) => Promise<EgressState>;
  readonly reset: () => Promise<EgressState>;
}

export function egressOver({ get, change, reset }: EgressCalls): ContainerEgress {
  return {
    get,
    reset,
    allow: async (hosts) => await change({ allow: listOf("allow", hosts) }),
    deny: async (hosts) => await change({ deny: listOf("deny", hosts) }),
    removeAllowed: async (hosts) => await change({ removeAllowed: listOf("removeAllowed", hosts) }),
    removeDenied: async (hosts) => await change({ removeDenied: listOf("removeDenied", hosts) }),
    setAllowed: async (hosts) => await change({ setAllowed: hosts === null ? null : listOf("setAllowed", hosts) }),
    setDenied: async (hosts) => await change({ setDenied: hosts === null ? null : listOf("setDenied", hosts) }),
  };
}

/** As it is now: whoever has given a list may go on changing it. */
function listOf(method: string, hosts: Hosts): string[] {
  const list: unknown[] = typeof hosts === "string" ? [hosts] : Array.isArray(hosts) ? [...hosts] : [hosts];
  const problems: Record<string, string> = {};
  for (const [index, host] of list.entries()) {
    if (typeof host !== "string") problems[`hosts[${index}]`] = 'must be a host, such as "api.example.com"';
  }
  if (Object.keys(problems).length > 0) throw invalidInput(`egress.${method}`, problems);
  return list as string[];
}
