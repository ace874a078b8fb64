/** Points at which a test lets an object die: what it has written by then is kept, and nobody hears its answer. */

const armed = new Set<string>();

/** The next time that the object of that name gets to that point. */
export function crashAt(name: string, point: string): void {
  armed.add(`${name} ${point}`);
}

/** True once for each time that it was armed. */
export function isCrash(name: string, point: string): boolean {
  return armed.delete(`${name} ${point}`);
}

export function crashesLeft(): number {
  return armed.size;
}
