/** Names that exist inside containers only. */

/** All of them, in the form that interceptions have. */
export const INTERNAL_HOSTS = "*.gantry.internal";

export const INTERNAL_DOMAIN = "gantry.internal";

/** Where a container speaks to Gantry. */
export const CONTROL_HOST = "control.gantry.internal";

/** Names right below the domain that are no application's. */
export const OWN_NAMES: ReadonlySet<string> = new Set(["control", "r2", "kv", "do", "registry"]);

/** Bindings of the control plane that a policy grants. */
export const R2_HOST = "r2.gantry.internal";
export const KV_HOST = "kv.gantry.internal";
export const DO_HOST = "do.gantry.internal";

/** The images of the account. */
export const REGISTRY_HOST = "registry.gantry.internal";
