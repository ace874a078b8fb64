/** The simulators by name, with the types of their scenarios hidden: whoever runs them only passes scenarios on. */
import { batchSimulation } from "./batch/simulate.ts";
import { capacitySimulation } from "./capacity/simulate.ts";
import type { Simulation } from "./engine/simulation.ts";
import { schedulerSimulation } from "./scheduler/simulate.ts";

export const SIMULATIONS = ["scheduler", "capacity", "batch"] as const;
export type SimulationName = (typeof SIMULATIONS)[number];

const KNOWN = { scheduler: schedulerSimulation, capacity: capacitySimulation, batch: batchSimulation } as const;

/** A scenario goes only to the simulation that it came from. */
export function simulationOf(name: SimulationName): Simulation<unknown> {
  return KNOWN[name] as Simulation<unknown>;
}

export function isSimulation(name: string): name is SimulationName {
  return SIMULATIONS.some((known) => known === name);
}
