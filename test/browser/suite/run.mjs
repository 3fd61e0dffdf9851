// Runs the tests one after the other and writes a line of JSON for each: {test, title, error?, skip?, seen?, millis}. What a
// test returns is an observation, seen.
// ONLY="T1 T8" runs some.
import { browser, faults, tests, visitor } from "./lib.mjs";

for (const file of ["before", "accept", "signals", "withdraw", "calls", "tabs", "trouble", "strict", "appearance", "person", "clock", "interface", "foreign"]) await import(`./${file}.mjs`);
const { quit, tidy } = await import("./firefox.mjs"); // which repeats some of the tests

// A page that hangs must not hang the rest.
const late = () =>
  new Promise((_, reject) => setTimeout(() => reject(new Error("the test did not end within four minutes")), 240000).unref());

const only = (process.env.ONLY || "").split(" ").filter(Boolean);
for (const { name, title, run, skip } of tests) {
  if (only.length && !only.includes(name)) continue;
  const began = Date.now();
  const line = { test: name, title };
  try {
    if (skip) line.skip = skip;
    else line.seen = await Promise.race([run(visitor), late()]);
  } catch (error) {
    line.error = String(error.stack || error).slice(0, 4000);
  }
  await faults({});
  await Promise.all([...browser.contexts().map((context) => context.close()), tidy()]).catch((error) => (line.error ??= String(error.stack)));
  line.millis = Date.now() - began;
  process.stdout.write(JSON.stringify(line) + "\n");
}
await Promise.all([browser.close(), quit()]);
