/** Over how many objects an application is spread that a test makes: as configured, unless the test says otherwise. */
let wanted: number | null = null;

/** Applications that are made from now on. Null: as configured. */
export function spreadOver(shards: number | null): void {
  wanted = shards;
}

/** An object's environment, in which the test's wish stands above the configuration. */
export function withShards(env: Env): Env {
  return { ...env, GANTRY_SHARDS: (wanted === null ? env.GANTRY_SHARDS : String(wanted)) as Env["GANTRY_SHARDS"] };
}
