// T27: what time does: what ends, and what a device whose clock is wrong can give itself.
import {
  accept, assert, collectEvents, device, eventsOf, inState, later, mark, mine, openPanel, PAGES, send, SERVICE, shiftAll, stateOf, test, visit, visitor,
} from "./lib.mjs";

const minutes = 60_000;
const days = 24 * 60 * minutes;
const years = 365 * days;

const reload = async (tab) => {
  await tab.reload();
  await tab.waitForSelector(".rempart-launcher");
};
const markerOf = async (tab, site) => JSON.parse(await tab.evaluate((key) => localStorage.getItem(key), "rempart:" + site));
const claims = async (tab) => JSON.parse(Buffer.from((await tab.evaluate(() => window.rempart.receipt())).split(".")[1], "base64url"));
// granted is what the ledger says of a visitor.
const granted = async (site, secret) => {
  const answer = await fetch(`${SERVICE}/v1/sites/${site}/state`, { headers: { Authorization: "Bearer " + secret, Origin: PAGES } });
  return (await answer.json()).state.conversation.granted;
};

test("T27", "a remembered refusal holds for six months, and then the visitor is as new", async () => {
  const context = await visitor({}, collectEvents);
  const tab = await visit(context, "remember");
  await openPanel(tab);
  await tab.click(".rempart-refuse");
  await inState(tab, "refused");
  await shiftAll(context, 183 * days);
  await reload(tab);
  assert.equal(await stateOf(tab), "refused");
  await openPanel(tab);
  assert.equal(await tab.isVisible("#rempart-consent-banner"), false, "who refused is asked again too early");
  await shiftAll(context, 184 * days + minutes); // the longest six months
  await reload(tab);
  assert.equal(await stateOf(tab), "dormant");
  await openPanel(tab);
  assert.equal(await tab.isVisible("#rempart-consent-banner"), true);
});

test("T27", "a consent ends after its months in a page that stays open, and nothing leaves by it", async () => {
  const since = await mark();
  const context = await visitor({}, collectEvents);
  const tab = await visit(context);
  await openPanel(tab);
  await send(tab, "Bonjour");
  await mine(tab).waitFor();
  const { t, e } = await markerOf(tab, "shop");
  await shiftAll(context, (e - t) * 1000 + minutes);
  // Nothing has asked for the state: the message itself finds it, and is none, since the banner was not there to be read.
  await send(tab, "Encore");
  await tab.waitForFunction(() => window.events.some((event) => event.type === "send-blocked"));
  assert.equal(await stateOf(tab), "stale");
  assert.equal(await tab.isVisible("#rempart-consent-banner"), true);
  assert.equal(await tab.inputValue(".rempart-area"), "Encore");
  assert.equal((await since.requests()).filter((r) => r.path === "/messages").length, 1);
});

test("T27", "the id of a conversation lives from message to message, and not longer", async () => {
  const since = await mark();
  const context = await visitor();
  const tab = await visit(context);
  await openPanel(tab);
  const say = async (number) => {
    await send(tab, "Message " + number);
    await tab.waitForFunction((n) => document.querySelectorAll(".rempart-mine").length === n, number);
  };
  await say(1);
  for (const [number, minute] of Object.entries({ 2: 29, 3: 58, 4: 89 })) {
    await shiftAll(context, minute * minutes);
    await say(Number(number));
  }
  const ids = (await since.requests()).filter((r) => r.path === "/messages").map((r) => JSON.parse(r.body).conversation);
  assert.equal(new Set(ids.slice(0, 3)).size, 1, "each message gives it another half an hour");
  assert.notEqual(ids[3], ids[2], "after half an hour without one it is another");
  const stored = Object.fromEntries((await device(tab)).local)["rempart:shop:s"];
  assert.equal(stored.split(".")[0], ids[3]);
});

test("T27", "whatever time the device says it is, the ledger has its own", async () => {
  for (const wrong of [10 * years, -20 * years]) {
    const since = await mark();
    const context = await visitor({}, collectEvents);
    await shiftAll(context, wrong);
    const tab = await visit(context);
    await openPanel(tab);
    const before = Math.floor(Date.now() / 1000);
    await send(tab, "Bonjour");
    await mine(tab).waitFor();
    const { iat, exp } = await claims(tab);
    const after = Math.ceil(Date.now() / 1000);
    assert.ok(iat >= before && iat <= after, "the receipt was issued by the device's clock");
    assert.ok(Math.abs((exp - iat) / 86400 - 182) <= 3, "six months of the server");
    // The device's time is written down, as what it is.
    for (const { occurredAt } of await since.ledger()) assert.ok(Math.abs(Date.parse(occurredAt) - Date.now() - wrong) < days);
    const { k } = await markerOf(tab, "shop");
    assert.equal(await granted("shop", k), true);
    await tab.evaluate(() => window.rempart.withdraw());
    await tab.waitForFunction(() => !JSON.parse(localStorage.getItem("rempart:shop")).q);
    assert.equal(await granted("shop", k), false, "a withdrawal counts, whenever the device says that it was");
    assert.deepEqual((await since.ledger()).map((e) => e.type), ["storage.acknowledged", "terms.accepted", "consent.withdrawn"]);
    assert.deepEqual(await eventsOf(tab, "error"), []);
    await context.close();
  }
});

test("T27", "a device whose clock was wrong when it accepted asks again once the clock is right", async () => {
  for (const wrong of [-20 * years, 10 * years]) {
    const since = await mark();
    const context = await visitor({}, collectEvents);
    await shiftAll(context, wrong);
    const tab = await visit(context);
    await openPanel(tab);
    await accept(tab);
    await tab.click(".rempart-choices");
    await tab.check(".rempart-dialog input");
    await tab.click(".rempart-save");
    await tab.waitForFunction(() => window.rempart.state().purposes.includes("newsletter"));
    await shiftAll(context, 0);
    assert.equal(await stateOf(tab), "stale");
    await reload(tab);
    assert.equal(await stateOf(tab), "stale");
    await openPanel(tab);
    assert.equal(await tab.isVisible("#rempart-consent-banner"), true);
    assert.equal((await since.ledger()).length, 3);
    // Taking back a part by the right clock gives the rest no new time.
    await tab.evaluate(() => window.rempart.withdraw(["newsletter"]));
    assert.deepEqual((await markerOf(tab, "shop")).p, ["conversation"]);
    assert.equal(await stateOf(tab), "stale");
    await accept(tab);
    const { t, e } = await markerOf(tab, "shop");
    assert.ok(Math.abs(t - Date.now() / 1000) < days / 1000 && e - t < 190 * 86400, "the new one ends in time");
    await context.close();
  }
});

test("T27", "a clock that was behind at a withdrawal has nothing older undo it", async () => {
  const context = await visitor({}, collectEvents);
  const tab = await visit(context);
  await openPanel(tab);
  await accept(tab);
  const { t } = await markerOf(tab, "shop");
  await shiftAll(context, -10 * years);
  await tab.evaluate(() => window.rempart.withdraw());
  await inState(tab, "withdrawn");
  await shiftAll(context, 0);
  await reload(tab);
  await tab.evaluate((at) => window.rempart.consentCollected({ assertedAt: at }), new Date((t - 60) * 1000).toISOString());
  assert.deepEqual((await eventsOf(tab, "error")).map((event) => event.code), ["assertion-after-withdrawal"]);
  assert.notEqual(await stateOf(tab), "accepted");
});

test("T27", "a consent that ended by the service's clock is none there, whatever the device thinks", async () => {
  const context = await visitor();
  await shiftAll(context, 10 * years);
  const tab = await visit(context, "later");
  await openPanel(tab);
  await accept(tab);
  const { k } = await markerOf(tab, "later");
  assert.equal(await granted("later", k), true);
  await later("later", 180);
  assert.equal(await granted("later", k), true);
  await later("later", 186);
  assert.equal(await stateOf(tab), "accepted");
  assert.equal(await granted("later", k), false);
  // Nor does the device's word that it is still 2016 make a new act an old one.
  await shiftAll(context, -10 * years);
  await tab.evaluate(() => localStorage.clear());
  await reload(tab);
  await openPanel(tab);
  await accept(tab);
  assert.equal(await granted("later", (await markerOf(tab, "later")).k), true);
});
