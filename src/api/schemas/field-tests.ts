/**
 * Which test sees the effect of each field: by the body's name in openapi.json (or its operation, where the body has
 * none), then the field's path. `npm run openapi` fails when one is missing, or names a test that is not there.
 */
import { SECRET_FIELD_TESTS } from "./field-tests-secrets.ts";

export const FIELD_TESTS: Readonly<Record<string, Readonly<Record<string, readonly [file: string, title: string]>>>> = {
  ...SECRET_FIELD_TESTS,
};
