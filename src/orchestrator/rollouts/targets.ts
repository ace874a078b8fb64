/** How many instances a share of them is. Pure. */

/** A number of instances, or a share of those that are wanted. */
export type Amount = { readonly count: number } | { readonly percentage: number };

/** Of a step: to the nearest, ties up; at least one where any are wanted and the share is one. */
export function stepTarget(percentage: number, wanted: number): number {
  if (wanted === 0 || percentage === 0) return 0;
  return Math.min(wanted, Math.max(1, Math.floor((percentage * wanted) / 100 + 0.5)));
}

/** Above what is wanted: rounds up. */
export function surgeOf(amount: Amount, wanted: number): number {
  return "count" in amount ? amount.count : Math.ceil((amount.percentage * wanted) / 100);
}

/** Below what is wanted: rounds down. With neither a surge nor this, nothing could ever be replaced: then it is one. */
export function unavailableOf(amount: Amount, wanted: number, surge: number): number {
  const count = "count" in amount ? amount.count : Math.floor((amount.percentage * wanted) / 100);
  return surge === 0 && count === 0 ? 1 : Math.min(count, wanted);
}

export function isNothing(amount: Amount): boolean {
  return ("count" in amount ? amount.count : amount.percentage) === 0;
}
