/** Lets others go on: so many turns of the event loop, so that what follows comes at another moment of what they do. */
export async function turned(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise((resolve) => setTimeout(resolve, 0));
}
