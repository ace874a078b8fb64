/**
 * Gives each looked-up name an address of its own out of 198.18.0.0/15, a range that the internet does not use.
 * A name that resolves nowhere gets one too: otherwise nobody would ever connect to it, and no rule would apply.
 */

const FIRST = (198 << 24) | (18 << 16) | 1;
const CAPACITY = (1 << 17) - 2;

export class AddressBook {
  readonly #addresses = new Map<string, string>();
  readonly #names = new Map<string, string>();
  #next = 0;

  addressOf(name: string): string {
    const known = this.#addresses.get(name);
    if (known !== undefined) return known;
    const address = dotted(FIRST + (this.#next++ % CAPACITY));
    const former = this.#names.get(address);
    if (former !== undefined) this.#addresses.delete(former);
    this.#addresses.set(name, address);
    this.#names.set(address, name);
    return address;
  }

  nameOf(address: string): string | undefined {
    return this.#names.get(address);
  }
}

function dotted(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 0xff).join(".");
}
