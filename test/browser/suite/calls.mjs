// What pages call, and take away: before anything was read or opened, of a part, and where nobody takes what is sent.
import {
  accept, assert, callsOf, collectEvents, drawn, eventsOf, inState, mark, mine, openPanel, send, stateOf, test, until, visit, visitor,
} from "./lib.mjs";

const markerOf = async (tab, site) => JSON.parse(await tab.evaluate((key) => localStorage.getItem(key), "rempart:" + site));
const heard = (tab, site) => tab.waitForFunction((key) => !JSON.parse(localStorage.getItem(key)).q, "rempart:" + site);
const call = (tab, method, ...args) => tab.evaluate(([name, given]) => window.rempart[name](...given), [method, args]);
const withdrawn = async (since) => (await since.ledger()).filter((e) => e.type === "consent.withdrawn").map((e) => e.purpose);
const codes = async (tab) => (await eventsOf(tab, "error")).map((e) => e.code);

test("T14", "where nothing is read at load, withdrawing or refusing by a button of the page finds what was accepted", async () => {
  for (const site of ["lazy", "shy"]) {
    for (const [method, state] of [["withdraw", "withdrawn"], ["refuse", "refused"]]) {
      const since = await mark();
      const context = await visitor();
      const first = await visit(context, site);
      await openPanel(first);
      await accept(first);
      await first.close();
      const tab = await visit(context, site);
      assert.deepEqual(await callsOf(tab), [], "what was read at load");
      await call(tab, method);
      assert.equal(await stateOf(tab), state, `${site} ${method}`);
      await heard(tab, site);
      assert.deepEqual(Object.keys(await markerOf(tab, site)), ["v", "w", "t"], `${site} ${method}`);
      assert.deepEqual(await withdrawn(since), ["conversation"], `${site} ${method}`);
      await context.close();
    }
  }
  // Who refused is not asked anew by opening, nor where that is remembered at the next load.
  const tab = await visit(await visitor(), "shy");
  await call(tab, "refuse");
  await openPanel(tab);
  assert.equal(await stateOf(tab), "refused");
  assert.equal(await tab.isVisible("#rempart-consent-banner"), false);
  await tab.reload();
  await tab.waitForSelector(".rempart-launcher");
  await openPanel(tab);
  assert.equal(await stateOf(tab), "refused");
});

test("T14", "where nothing is read at load, the service hears of a withdrawal without a network at the visitor's first act", async () => {
  const since = await mark();
  const context = await visitor({}, collectEvents);
  const tab = await visit(context, "lazy");
  await openPanel(tab);
  await accept(tab);
  const { k } = await markerOf(tab, "lazy");
  await context.setOffline(true);
  await call(tab, "withdraw");
  await inState(tab, "withdrawn");
  await tab.close();
  await context.setOffline(false);
  assert.deepEqual(await withdrawn(since), []);

  await context.route("**/withdrawals", (route) => route.abort());
  const next = await visit(context, "lazy");
  await next.evaluate(() => window.dispatchEvent(new Event("online")));
  assert.deepEqual(await callsOf(next), [], "before the visitor acts nothing is read, and nothing told");
  await openPanel(next);
  await next.waitForFunction(() => window.events.some((event) => event.code === "withdrawal"));
  assert.equal((await markerOf(next, "lazy")).k, k);
  await context.unroute("**/withdrawals");
  await next.evaluate(() => window.dispatchEvent(new Event("online")));
  await heard(next, "lazy");
  assert.deepEqual(Object.keys(await markerOf(next, "lazy")), ["v", "w", "t"]);
  assert.deepEqual(await withdrawn(since), ["conversation"]);
  await accept(next);
  assert.notEqual((await markerOf(next, "lazy")).k, k);
});

test("T14", "withdrawing takes back what another tab wrote into a cookie", async () => {
  const since = await mark();
  const context = await visitor();
  const tab = await visit(context, "cookie");
  const other = await visit(context, "cookie");
  await openPanel(tab);
  await accept(tab);
  await call(other, "withdraw");
  assert.equal(await stateOf(other), "withdrawn");
  await until("the withdrawal", async () => (await withdrawn(since)).length);
  assert.deepEqual(await withdrawn(since), ["conversation"]);
});

test("T14", "withdrawing purposes none of which is granted says nothing and changes nothing", async () => {
  const since = await mark();
  const tab = await visit(await visitor({}, collectEvents));
  await openPanel(tab);
  await accept(tab);
  const before = await tab.evaluate(() => {
    const marker = JSON.parse(localStorage.getItem("rempart:shop"));
    const text = JSON.stringify({ ...marker, t: marker.t - 100 });
    localStorage.setItem("rempart:shop", text);
    return text;
  });
  await inState(tab, "accepted");
  for (const none of [["newsletter"], ["unknown"], []]) await call(tab, "withdraw", none);
  assert.deepEqual(await eventsOf(tab, "withdrawn"), []);
  assert.equal(await tab.evaluate(() => localStorage.getItem("rempart:shop")), before);
  assert.deepEqual((await since.requests()).filter((r) => r.path.endsWith("withdrawals")), []);
});

test("T14", "a withdrawal in a cookie that another page wrote stands before the word of this one", async () => {
  const since = await mark();
  const context = await visitor({}, collectEvents);
  const [tab, other] = [await visit(context, "cookie"), await visit(context, "cookie")];
  await openPanel(tab);
  await accept(tab);
  await call(tab, "withdraw");
  await call(other, "consentCollected");
  assert.deepEqual(await codes(other), ["assertion-after-withdrawal"]);
  assert.notEqual(await stateOf(other), "accepted");
  assert.deepEqual((await since.ledger()).filter((e) => e.method === "asserted-by-site"), []);
  await call(other, "consentCollected", { assertedAt: new Date(Date.now() + 2000).toISOString() });
  assert.equal(await stateOf(other), "accepted");
});

test("T10", "a scenario that nobody takes is not asked for, and not posted to the page", async () => {
  const since = await mark();
  const tab = await visit(await visitor({}, collectEvents), "gateless");
  const gate = (...names) =>
    tab.evaluate((all) => window.rempart.gate(Object.fromEntries(all.map((name) => [name, () => "Merci."]))), names);
  await gate("send");
  await call(tab, "trigger", "returns");
  assert.equal(await stateOf(tab), "noticed");
  assert.deepEqual(await codes(tab), ["gate"]);
  assert.equal(await tab.locator(".rempart-theirs").count(), 0);
  // A gate without anything takes nothing.
  await tab.evaluate(() => window.rempart.gate());
  await send(tab, "Bonjour");
  await tab.waitForFunction(() => window.events.filter((event) => event.code === "gate").length === 2);
  assert.deepEqual(tab.faults, []);
  // It goes away between the offer and the acceptance.
  await gate("start");
  await call(tab, "trigger", "returns");
  await inState(tab, "pending-trigger");
  await gate("send");
  await accept(tab);
  await tab.waitForFunction(() => window.events.filter((event) => event.code === "gate").length === 3);
  await send(tab, "Bonjour");
  await mine(tab).waitFor();
  assert.deepEqual(await codes(tab), ["gate", "gate", "gate"]);
  assert.deepEqual(await eventsOf(tab, "trigger-started"), []);
  assert.deepEqual((await since.requests()).filter((r) => r.at === "pages" && r.method === "POST"), []);
});

test("T8", "a button of the page accepts the purposes that it names, and none that has a box of its own", async () => {
  const since = await mark();
  const tab = await visit(await visitor({}, collectEvents), "two");
  await openPanel(tab);
  for (const purposes of [["newsletter"], ["conversation", "newsletter"]]) await call(tab, "accept", purposes);
  assert.deepEqual(await codes(tab), ["no-act", "no-act"]);
  assert.deepEqual(await since.ledger(), []);
  assert.equal(await stateOf(tab), "noticed");
  await call(tab, "accept", ["history"]);
  await inState(tab, "stale"); // the service needs the other one too
  assert.deepEqual((await markerOf(tab, "two")).p, ["history"]);
  assert.deepEqual((await since.ledger()).filter((e) => e.purpose).map((e) => e.purpose), ["history"]);
  await call(tab, "accept");
  await inState(tab, "accepted");
  assert.deepEqual((await markerOf(tab, "two")).p.sort(), ["conversation", "history"]);
});

test("T8", "the calls themselves can be the listeners of a page's own buttons: an event names no purposes", async () => {
  const since = await mark();
  const tab = await visit(await visitor({}, collectEvents));
  await tab.evaluate(() => {
    for (const name of ["withdraw", "accept", "open"]) {
      const button = document.createElement("button");
      [button.id, button.textContent, button.onclick] = ["own-" + name, name, window.rempart[name]];
      document.body.prepend(button);
    }
  });
  await tab.click("#own-open");
  await tab.waitForSelector("#rempart-consent-banner");
  await drawn(tab);
  await tab.click("#own-accept");
  await inState(tab, "accepted");
  assert.deepEqual((await markerOf(tab, "shop")).p, ["conversation"]);
  assert.deepEqual((await since.acts()).map((act) => act.method), ["button"]);
  await tab.click("#own-withdraw");
  await inState(tab, "withdrawn");
  assert.deepEqual([await codes(tab), tab.faults], [[], []]);
});

test("T1", "whoever waits for the dialog of choices hears that it is over when a framework takes it away", async () => {
  for (const take of [
    () => document.body.replaceWith(document.createElement("body")),
    () => document.querySelector(".rempart-dialog").remove(),
  ]) {
    const tab = await visit(await visitor());
    const ask = () => tab.evaluate(() => void window.rempart.preferences().then(() => (window.over = (window.over || 0) + 1)));
    await ask();
    await tab.waitForSelector(".rempart-dialog[open]");
    // At once again: the one that goes does not take the next along.
    await tab.evaluate((source) => (0, eval)(`(${source})()`), String(take));
    await ask();
    await tab.waitForFunction(() => window.over === 1);
    await tab.waitForSelector(".rempart-dialog[open]");
    await tab.click(".rempart-dialog .rempart-close");
    await tab.waitForFunction(() => window.over === 2);
    assert.equal(await tab.locator(".rempart-dialog").count(), 0);
    assert.deepEqual(tab.faults, []);
  }
});

test("T21", "what stands in a row with the details stands on one line with them", async () => {
  const tab = await visit(await visitor());
  await openPanel(tab);
  const lines = await tab.locator(".rempart-panel .rempart-links > *").evaluateAll((all) => all.map((element) => {
    const range = new Range();
    range.selectNodeContents(element);
    return range.getBoundingClientRect().bottom;
  }));
  assert.equal(lines.length, 3);
  assert.deepEqual(lines.map((bottom) => bottom - lines[0]), [0, 0, 0]);
});

test("T21", "words on buttons have a contrast of 7:1, and edges of 3:1, in both schemes", async () => {
  const luminance = ([r, g, b]) => [r, g, b].map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const contrast = (...pair) => {
    const [low, high] = pair.map((colour) => luminance(colour.match(/\d+/g).map(Number))).sort((x, y) => x - y);
    return (high + 0.05) / (low + 0.05);
  };
  for (const colorScheme of ["light", "dark"]) {
    const tab = await visit(await visitor({ colorScheme }));
    await openPanel(tab);
    await tab.keyboard.press("Shift");
    await tab.focus(".rempart-panel .rempart-accept");
    const seen = await tab.evaluate(() => {
      const { color, backgroundColor, borderColor, outlineColor } = getComputedStyle(document.activeElement);
      return { color, backgroundColor, borderColor, outlineColor, paper: getComputedStyle(document.querySelector(".rempart-panel")).backgroundColor };
    });
    assert.ok(contrast(seen.color, seen.backgroundColor) >= 7, `${colorScheme}: ${JSON.stringify(seen)}`);
    assert.ok(contrast(seen.outlineColor, seen.paper) >= 3, `${colorScheme}: ${JSON.stringify(seen)}`);
    assert.ok(Math.max(contrast(seen.backgroundColor, seen.paper), contrast(seen.borderColor, seen.paper)) >= 3, `${colorScheme}: ${JSON.stringify(seen)}`);
  }
});
