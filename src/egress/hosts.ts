/** Names that exist inside containers only. */

/** Where a container speaks to Gantry. */
export const CONTROL_HOST = "control.gantry.internal";
