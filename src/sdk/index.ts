/**
 * The package `gantry`: what a Worker that calls containers needs, and what declares them. Nothing here imports
 * `cloudflare:workers`, so that tools and tests on Node can read definitions.
 */
export type {
  EgressRule,
  EgressState,
  ExecResult,
  GantryBinding,
  InstanceState,
  InstanceType,
  Snapshot,
  SnapshotOptions,
  StartOptions,
  StopOptions,
} from "./binding.ts";
export { withTypedErrors } from "./calls/body.ts";
export type { RetryOptions } from "./calls/retry-policy.ts";
export type { ContainerSocket, SocketClose, SocketMessage } from "./calls/socket.ts";
export type { Terminal, TerminalOptions, TerminalSize } from "./calls/terminal.ts";
export { createContainers, type ContainerModule, type Containers } from "./containers.ts";
export {
  toApplication,
  toApplications,
  toRollout,
  wranglerImages,
  type ApplicationBody,
} from "./definition/application.ts";
export type {
  Autoscaling,
  ContainerConfig,
  ContainerDefinition,
  CustomInstanceType,
  Duration,
  ReadyCheck,
  RolloutOptions,
} from "./definition/config.ts";
export type { EgressBinding, EgressConfig, EgressCredential, EgressHandler } from "./definition/egress.ts";
export { defineContainer, isContainerDefinition } from "./definition/define-container.ts";
export { imageSource, type ImageSource } from "./definition/image.ts";
export type { ContainerEgress, Hosts } from "./egress.ts";
export { GantryError, type CallerCode, type GantryErrorCode } from "./errors.ts";
export type {
  CallOptions,
  ContainerAccessor,
  ContainerHandle,
  ExecOptions,
  NamedContainerHandle,
  PoolOptions,
} from "./handles.ts";
export {
  createHooks,
  eventKey,
  rememberEvents,
  type ContainerEvent,
  type ContainerHooks,
  type HookContext,
  type SeenEvents,
} from "./hooks.ts";
export {
  defineResources,
  env,
  type Reference,
  type Resource,
  type ResourceKind,
  type Resources,
  type ResourceSpecs,
  type SecretSource,
} from "./resources/index.ts";
