/**
 * `@peculiar/x509` with the polyfill it needs loaded before it.
 */
// oxlint-disable-next-line import/no-unassigned-import -- it patches the global Reflect
import "reflect-metadata";
export * from "@peculiar/x509";
