// T20: the strictest policy that a page can have.
import { assert, mine, test, until, url, visitor } from "./lib.mjs";

// guarded is a tab whose page tells what its policy refused, and which files did not load: a script whose bytes are not those that
// its integrity names makes no violation, only an error.
const guarded = async (page, query = "") => {
  const context = await visitor({}, () => {
    window.breaches = [];
    document.addEventListener("securitypolicyviolation", (event) =>
      window.breaches.push(`${event.effectiveDirective} ${event.blockedURI} ${event.sourceFile} ${event.sample}`));
    window.addEventListener("error", (event) => event.target === window || window.breaches.push(`${event.target.localName} did not load`), true);
  });
  const tab = await context.newPage();
  tab.faults = [];
  tab.on("pageerror", (error) => tab.faults.push(String(error)));
  await tab.goto(url("same", page, query));
  return tab;
};

// breaches asks without evaluate, whose own script such a policy may refuse.
const breaches = async (tab) => {
  const cdp = await tab.context().newCDPSession(tab);
  const { result } = await cdp.send("Runtime.evaluate", { expression: "JSON.stringify(window.breaches)" });
  await cdp.detach();
  return JSON.parse(result.value);
};

const keptTo = async (tab) => {
  assert.deepEqual(await breaches(tab), [], "what the policy refused");
  assert.deepEqual(tab.faults, [], "errors of the page");
};

// seen waits until a breach is told of.
const seen = (tab, pattern) => until(`a breach like ${pattern}`, async () => (await breaches(tab)).some((one) => pattern.test(one)));

test("T20", "the strictest policy, Trusted Types and SRI are kept to", async () => {
  const tab = await guarded("strict");
  await tab.click(".rempart-launcher");
  await tab.locator(".rempart-area").fill("Bonjour");
  await tab.click(".rempart-send");
  await mine(tab).waitFor();
  await tab.click(".rempart-choices");
  await tab.locator(".rempart-dialog input").check();
  await tab.click(".rempart-save");
  await tab.locator(".rempart-dialog").waitFor({ state: "detached" });
  await tab.click(".rempart-choices");
  await tab.click(".rempart-withdraw");
  await tab.locator("#rempart-consent-banner").waitFor();
  assert.equal(await tab.locator(".rempart-panel").evaluate((panel) => getComputedStyle(panel).position), "fixed", "the style sheet is not in use");
  await keptTo(tab);
});

test("T20", "a page that breaks the policy, or a script of other bytes, is seen", async () => {
  const tab = await guarded("strict-cheat");
  for (const directive of ["style-src-attr", "style-src-elem", "script-src-elem", "script-src-attr", "require-trusted-types-for", "trusted-types",
    "img-src", "connect-src"]) {
    await seen(tab, new RegExp(`^${directive} `));
  }
  await assert.rejects(keptTo(tab), "the check of the other test lets a page pass that breaks the policy");

  const other = await guarded("strict", "?integrity=sha384-" + "A".repeat(64));
  await seen(other, /^script did not load/);
  assert.equal(await other.locator(".rempart-launcher").count(), 0, "a script of other bytes ran");
  await assert.rejects(keptTo(other), "the check of the other test lets a script of other bytes pass");
});
