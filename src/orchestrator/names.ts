/** Names of instances: the application's, and the slot's number. */

export function instanceName(applicationName: string, slot: number): string {
  return `${applicationName}-${slot}`;
}
