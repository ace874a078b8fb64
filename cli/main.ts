#!/usr/bin/env node
/** The `gantry` command. */
import { processIo } from "./io.ts";
import { run } from "./program.ts";

process.exitCode = await run(processIo(), process.argv.slice(2));
