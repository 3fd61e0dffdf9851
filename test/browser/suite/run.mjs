// Runs the tests one after the other and writes a line of JSON for each: {test, title, error?, skip?, seen?, millis}. What a
// test returns is an observation, seen.
// ONLY="T1 T8" runs some.
import { browser, faults, tests } from "./lib.mjs";

for (const file of ["before", "accept", "signals", "withdraw", "trouble", "strict", "appearance"]) await import(`./${file}.mjs`);

// A page that hangs must not hang the rest.
const late = () =>
  new Promise((_, reject) => setTimeout(() => reject(new Error("the test did not end within two minutes")), 120000).unref());

const only = (process.env.ONLY || "").split(" ").filter(Boolean);
for (const { name, title, run, skip } of tests) {
  if (only.length && !only.includes(name)) continue;
  const began = Date.now();
  const line = { test: name, title };
  try {
    if (skip) line.skip = skip;
    else line.seen = await Promise.race([run(), late()]);
  } catch (error) {
    line.error = String(error.stack || error).slice(0, 4000);
  }
  await faults({});
  await Promise.all(browser.contexts().map((context) => context.close()));
  line.millis = Date.now() - began;
  process.stdout.write(JSON.stringify(line) + "\n");
}
await browser.close();
