// T14 to T16: taking back, asking again, and the signal of the browser.
import {
  accept, assert, collectEvents, device, eventsOf, inState, mark, openPanel, publish, send, mine, SERVICE, stateOf, test, url, visit, visitor,
} from "./lib.mjs";

const markerOf = async (tab, site = "shop") => JSON.parse(await tab.evaluate((key) => localStorage.getItem(key), "rempart:" + site));

test("T14", "withdrawing leaves a mark of the withdrawal, in every tab, and no constant in a page revives it", async (visitor) => {
  const since = await mark();
  const context = await visitor({}, collectEvents);
  const tab = await visit(context);
  const other = await visit(context);
  await openPanel(tab);
  await send(tab, "Bonjour");
  await mine(tab).waitFor();
  await inState(other, "accepted");
  const { k } = await markerOf(tab);

  // As easy as accepting: one click more, in the same place.
  await tab.click(".rempart-choices");
  await tab.click(".rempart-dialog .rempart-withdraw");
  await inState(tab, "withdrawn");
  // As soon as the browser says so: nothing asks it from time to time. The state is not asked for before, which would have the tab look.
  await other.waitForFunction(() => "withdrawn" in window.causes);
  assert.equal(await other.evaluate(() => window.causes.withdrawn), "storage");
  assert.equal(await stateOf(other), "withdrawn");
  await tab.waitForFunction(() => !JSON.parse(localStorage.getItem("rempart:shop")).q);
  const { local, ...rest } = await device(tab);
  assert.deepEqual(Object.keys(rest).filter((key) => key !== "usage"), []);
  assert.deepEqual(local.map(([key]) => key), ["rempart:shop"]);
  assert.deepEqual(Object.keys(JSON.parse(local[0][1])), ["v", "w", "t"]);
  assert.equal(await mine(tab).count(), 0);
  const { state } = await (await fetch(`${SERVICE}/v1/sites/shop/state`, { headers: { Authorization: "Bearer " + k, Origin: new URL(tab.url()).origin } })).json();
  assert.equal(state.conversation.granted, false);

  const again = await visit(context, "shop", "received");
  await again.waitForFunction(() => window.events.some((event) => event.type === "error"));
  assert.deepEqual((await eventsOf(again, "error")).map((e) => e.code), ["assertion-after-withdrawal"]);
  assert.equal(await stateOf(again), "withdrawn");
  for (const assertedAt of ["2001-01-01T00:00:00Z", "2999-01-01T00:00:00Z", "yesterday", undefined]) {
    await again.evaluate((at) => window.rempart.consentCollected({ assertedAt: at }), assertedAt);
  }
  assert.equal(await stateOf(again), "withdrawn");
  assert.equal((await since.ledger()).filter((e) => e.method === "asserted-by-site").length, 0);
  const later = new Date(Date.now() + 2000).toISOString();
  await again.evaluate((at) => window.rempart.consentCollected({ assertedAt: at }), later);
  await inState(again, "accepted");
  const revived = (await since.ledger()).filter((e) => e.method === "asserted-by-site");
  // As times: Go writes no zeros at the end of a fraction.
  assert.deepEqual(revived.map((e) => Date.parse(e.occurredAt)), [Date.parse(later)]);
}, { firefox: true });

test("T14", "the site's word of before a withdrawal in another tab does not undo it, though the words come after it", async () => {
  const since = await mark();
  const context = await visitor({}, collectEvents);
  const tab = await visit(context);
  const other = await visit(context);
  let come;
  const wait = new Promise((resolve) => (come = resolve));
  await tab.route("**/notice.fr.json", async (route) => {
    await wait;
    await route.continue();
  });
  const asked = tab.waitForRequest("**/notice.fr.json");
  const said = tab.evaluate(() => window.rempart.consentCollected({ assertedAt: new Date(Date.now() - 5000) }));
  await asked;
  await openPanel(other);
  await accept(other);
  await other.evaluate(() => window.rempart.withdraw());
  await inState(tab, "withdrawn");
  come();
  await said;
  assert.equal(await stateOf(tab), "withdrawn");
  assert.deepEqual((await eventsOf(tab, "error")).map((e) => e.code), ["assertion-after-withdrawal"]);
  assert.deepEqual((await since.ledger()).filter((e) => e.method === "asserted-by-site"), []);
});

const buttons = (tab) => tab.locator(".rempart-dialog button").evaluateAll((all) => all.map((button) => button.classList[1]));
const openChoices = async (tab) => {
  await tab.click(".rempart-choices");
  await tab.waitForSelector(".rempart-dialog[open]");
};

test("T14", "who accepted a part of the service is asked for the rest, and can take that part back", async () => {
  const since = await mark();
  const context = await visitor({}, collectEvents);
  const tab = await visit(context, "two");
  await openPanel(tab);
  await accept(tab);
  await openChoices(tab);
  await tab.check(".rempart-dialog input[name=newsletter]");
  await tab.click(".rempart-dialog .rempart-save");
  await tab.locator(".rempart-dialog").waitFor({ state: "detached" });
  await tab.evaluate(() => window.rempart.withdraw(["history"]));
  await inState(tab, "stale");
  assert.deepEqual((await eventsOf(tab, "withdrawn")).map((e) => e.purposes), [["history"]]);
  assert.ok(await tab.isVisible("#rempart-consent-banner"));
  await tab.waitForFunction(() => !JSON.parse(localStorage.getItem("rempart:two")).q?.length);
  const { k } = await markerOf(tab, "two");

  // Again, at the next page: the same receipt, and what was granted stays.
  await tab.reload();
  await tab.waitForSelector(".rempart-launcher");
  await openPanel(tab);
  await accept(tab);
  const { p, k: same } = await markerOf(tab, "two");
  assert.deepEqual([p.sort(), same], [["conversation", "history", "newsletter"], k]);

  // The site's word of between the acceptance and the withdrawal of a part does not bring that part back.
  await tab.evaluate(() => {
    const marker = JSON.parse(localStorage.getItem("rempart:two"));
    localStorage.setItem("rempart:two", JSON.stringify({ ...marker, t: marker.t - 100 }));
  });
  await inState(tab, "accepted");
  await tab.evaluate(() => window.rempart.withdraw(["history"]));
  await tab.evaluate(() => window.rempart.consentCollected({ assertedAt: new Date(Date.now() - 50000) }));
  assert.equal(await stateOf(tab), "stale");
  assert.deepEqual((await eventsOf(tab, "error")).map((e) => e.code), ["assertion-outdated"]);

  // The site's word for a part, twice.
  const other = await visit(await visitor({}, collectEvents), "two");
  for (let i = 0; i < 2; i++) await other.evaluate(() => window.rempart.consentCollected({ purposes: ["conversation"] }));
  await inState(other, "stale");
  await openPanel(other);
  assert.ok(await other.isVisible("#rempart-consent-banner"));
  await openChoices(other);
  assert.ok((await buttons(other)).includes("rempart-withdraw"));
  await other.click(".rempart-dialog .rempart-withdraw");
  await inState(other, "withdrawn");
  const acts = (await since.ledger()).filter((e) => e.purpose).map((e) => [e.type, e.purpose, e.method].join(" "));
  assert.equal(acts.filter((act) => act.endsWith("conversation asserted-by-site")).length, 1, acts.join("\n"));
});

test("T14", "saving the dialog untouched takes nothing back that was granted elsewhere", async () => {
  const since = await mark();
  const tab = await visit(await visitor({}, collectEvents));
  await openPanel(tab);
  await accept(tab);
  const { k } = await markerOf(tab);
  const notice = await (await fetch(`${SERVICE}/w/shop/notice.fr.json`)).json();
  const answer = await fetch(`${SERVICE}/v1/sites/shop/events`, {
    method: "POST",
    headers: { Authorization: "Bearer " + k, Origin: new URL(tab.url()).origin, "Content-Type": "application/json", "Idempotency-Key": "elsewhere" },
    body: JSON.stringify({
      noticeToken: notice.token, acts: [{ purpose: "newsletter", decision: "granted" }], method: "checkbox", ui: { shownMs: 1000, visible: true }, occurredAt: new Date(),
    }),
  });
  assert.ok(answer.ok, await answer.text());
  const before = (await since.ledger()).length;
  await openChoices(tab);
  await tab.click(".rempart-dialog .rempart-save");
  await tab.locator(".rempart-dialog").waitFor({ state: "detached" });
  assert.equal((await since.ledger()).length, before);
});

test("T14", "a choice that a mail must confirm is said, and is no refusal when the dialog is saved again", async () => {
  const since = await mark();
  const tab = await visit(await visitor({}, collectEvents), "optin");
  await openPanel(tab);
  await accept(tab);
  await openChoices(tab);
  await tab.locator(".rempart-dialog input[type=checkbox]").check();
  await tab.click(".rempart-dialog .rempart-save");
  await tab.waitForFunction(() => document.querySelector(".rempart-dialog .rempart-status").textContent);
  assert.match(await tab.textContent(".rempart-dialog .rempart-status"), /confirmez par le lien/);
  assert.deepEqual((await eventsOf(tab, "pending")).map((e) => e.purposes), [["newsletter"]]);
  await tab.click(".rempart-dialog .rempart-close");
  await openChoices(tab);
  assert.ok(!(await tab.locator(".rempart-dialog input[type=checkbox]").isChecked()));
  await tab.click(".rempart-dialog .rempart-save");
  await tab.locator(".rempart-dialog").waitFor({ state: "detached" });
  assert.deepEqual((await since.ledger()).filter((e) => e.purpose === "newsletter"), []);
});

test("T14", "withdrawing works without a network, and the server hears of it at the next load", async () => {
  const since = await mark();
  const context = await visitor();
  const tab = await visit(context);
  await openPanel(tab);
  await accept(tab);
  await context.setOffline(true);
  await tab.evaluate(() => window.rempart.withdraw());
  await inState(tab, "withdrawn");
  const marker = await markerOf(tab);
  assert.deepEqual(Object.keys(marker).sort(), ["k", "q", "t", "v", "w"]);
  assert.deepEqual((await since.ledger()).filter((e) => e.type === "consent.withdrawn"), []);
  await tab.close();
  await context.setOffline(false);
  const next = await visit(context);
  await next.waitForFunction(() => !JSON.parse(localStorage.getItem("rempart:shop")).k);
  assert.equal(await stateOf(next), "withdrawn");
  assert.deepEqual((await since.ledger()).filter((e) => e.type === "consent.withdrawn").map((e) => e.purpose), ["conversation"]);
  // At the next opening it is asked again.
  await openPanel(next);
  await inState(next, "noticed");
  await accept(next);
  assert.notEqual((await markerOf(next)).k, marker.k);
});

test("T14", "optional purposes have a box of their own that nobody ticked, and are taken back alone", async () => {
  const since = await mark();
  const context = await visitor({}, collectEvents);
  const tab = await visit(context);
  await openPanel(tab);
  await accept(tab);
  await tab.click("[data-rempart-preferences]");
  const box = tab.locator(".rempart-dialog input[type=checkbox]");
  assert.equal(await box.isChecked(), false);
  await box.check();
  await tab.click(".rempart-save");
  await tab.waitForFunction(() => window.rempart.state().purposes.includes("newsletter"));
  assert.deepEqual((await since.ledger()).slice(2).map((e) => [e.type, e.purpose, e.decision, e.method]),
    [["consent.given", "newsletter", "granted", "checkbox"]]);
  assert.equal(await tab.evaluate(() => window.rempart.ensure("newsletter")), true);
  await tab.evaluate(() => window.rempart.withdraw(["newsletter"]));
  assert.deepEqual(await tab.evaluate(() => window.rempart.state().purposes), ["conversation"]);
  assert.equal(await stateOf(tab), "accepted");
  await tab.waitForFunction(() => !JSON.parse(localStorage.getItem("rempart:shop")).q);
  assert.deepEqual((await since.ledger()).slice(3).map((e) => [e.type, e.purpose]), [["consent.withdrawn", "newsletter"]]);
  assert.deepEqual((await eventsOf(tab, "withdrawn")).map((e) => e.purposes), [["newsletter"]]);
  // An empty box that nobody touched says nothing.
  await tab.click("[data-rempart-preferences]");
  await tab.click(".rempart-save");
  await tab.waitForSelector(".rempart-dialog", { state: "detached" });
  assert.equal((await since.ledger()).length, 4);
});

test("T14", "a withdrawal that the service had not heard of comes before a newer choice of the same purpose", async () => {
  const since = await mark();
  const context = await visitor({}, collectEvents);
  const tab = await visit(context);
  await openPanel(tab);
  await accept(tab);
  const choose = async () => {
    await openChoices(tab);
    await tab.check(".rempart-dialog input");
    await tab.click(".rempart-dialog .rempart-save");
    await tab.waitForSelector(".rempart-dialog", { state: "detached" });
  };
  await choose();
  await context.route("**/withdrawals", (route) => route.abort());
  await tab.evaluate(() => window.rempart.withdraw(["newsletter"]));
  await tab.waitForFunction(() => window.events.some((event) => event.code === "withdrawal"));
  await context.unroute("**/withdrawals");
  await choose();
  const marker = await markerOf(tab);
  assert.deepEqual([marker.p, marker.q], [["conversation", "newsletter"], undefined]);
  await tab.reload();
  await inState(tab, "accepted");
  assert.deepEqual((await since.ledger()).filter((e) => e.purpose === "newsletter").map((e) => e.type),
    ["consent.given", "consent.withdrawn", "consent.given"]);
});

test("T14", "a choice waits for a withdrawal of the same purpose that is on its way", async () => {
  const since = await mark();
  const context = await visitor({}, collectEvents);
  const tab = await visit(context);
  await openPanel(tab);
  await accept(tab);
  const save = async () => {
    await openChoices(tab);
    await tab.check(".rempart-dialog input");
    await tab.click(".rempart-dialog .rempart-save");
  };
  await save();
  await tab.waitForSelector(".rempart-dialog", { state: "detached" });
  let arrive;
  const way = new Promise((resolve) => { arrive = resolve; });
  const sent = [];
  await context.route(/\/(withdrawals|events)$/, async (route) => {
    if (sent.push(route.request().url().split("/").pop()) === 1) await way;
    await route.continue();
  });
  await tab.evaluate(() => window.rempart.withdraw(["newsletter"]));
  await save();
  await tab.evaluate(() => navigator.locks.request("test", () => new Promise(requestAnimationFrame)));
  arrive();
  await tab.waitForSelector(".rempart-dialog", { state: "detached" });
  assert.deepEqual(sent, ["withdrawals", "events"]);
  assert.deepEqual((await since.ledger()).filter((e) => e.purpose === "newsletter").map((e) => e.type),
    ["consent.given", "consent.withdrawn", "consent.given"]);
});

test("T14", "a choice that is saved after the service was withdrawn in another tab is not recorded", async () => {
  const since = await mark();
  const context = await visitor({}, collectEvents);
  const tab = await visit(context);
  await openPanel(tab);
  await accept(tab);
  await openChoices(tab);
  await tab.check(".rempart-dialog input");
  await (await visit(context)).evaluate(() => window.rempart.withdraw());
  await inState(tab, "withdrawn");
  await tab.click(".rempart-dialog .rempart-save");
  await tab.waitForSelector(".rempart-dialog", { state: "detached" });
  assert.deepEqual((await since.ledger()).filter((e) => e.purpose === "newsletter"), []);
  assert.deepEqual(await eventsOf(tab, "error"), []);
});

test("T14", "other chats ask first, and are told what the visitor chose", async () => {
  const tab = await visit(await visitor());
  const ensured = () => tab.evaluate(() => { window.answer = undefined; window.rempart.ensure("conversation").then((a) => (window.answer = a)); });
  const answer = async () => (await tab.waitForFunction(() => window.answer !== undefined), tab.evaluate(() => window.answer));
  await ensured();
  await tab.click(".rempart-panel .rempart-refuse");
  assert.equal(await answer(), false);
  await tab.keyboard.press("Escape");
  await tab.reload();
  await tab.waitForSelector(".rempart-launcher");
  await ensured();
  await tab.waitForSelector(".rempart-panel .rempart-accept");
  await tab.keyboard.press("Escape");
  assert.equal(await answer(), false);
  await ensured();
  await accept(tab);
  assert.equal(await answer(), true);
  await ensured();
  assert.equal(await answer(), true);
});

test("T15", "a material change asks again, an editorial one does not", async () => {
  const context = await visitor({}, collectEvents);
  let tab = await visit(context, "lazy");
  await openPanel(tab);
  await send(tab, "Bonjour");
  await mine(tab).waitFor();
  const first = await markerOf(tab, "lazy");

  await publish("lazy", "Editorial");
  await tab.reload();
  await openPanel(tab);
  assert.equal(await stateOf(tab), "accepted");

  await publish("lazy", "Material");
  await tab.reload();
  await openPanel(tab);
  assert.equal(await stateOf(tab), "stale");
  assert.match(await tab.textContent("#rempart-consent-banner"), /ont changé.*Un autre les lit aussi\./);
  assert.equal(await tab.evaluate(() => !!localStorage.getItem("rempart:lazy:s")), true, "data is kept until refused");
  const since = await mark();
  await accept(tab);
  const second = await markerOf(tab, "lazy");
  assert.equal(second.k, first.k);
  assert.notEqual(second.n, first.n);
  assert.equal((await since.ledger()).length, 2);

  // Refusing what changed takes back what was accepted.
  await publish("lazy", "Material");
  await tab.reload();
  await openPanel(tab);
  await tab.click(".rempart-panel .rempart-refuse");
  await inState(tab, "refused");
  assert.deepEqual((await device(tab)).local.map(([key]) => key), ["rempart:lazy"]);
  assert.equal((await markerOf(tab, "lazy")).w, 1);
});

test("T14", "the id of a conversation goes once it was idle for too long, and what is no marker of ours is ignored", async () => {
  const context = await visitor();
  const tab = await visit(context);
  await openPanel(tab);
  await send(tab, "Bonjour");
  await mine(tab).waitFor();
  await tab.evaluate(() => localStorage.setItem("rempart:shop:s", "old." + (Math.floor(Date.now() / 1000) - 1)));
  await tab.reload();
  await inState(tab, "accepted");
  assert.deepEqual((await device(tab)).local.map(([key]) => key), ["rempart:shop"]);
  for (const text of ["", "null", "{}", "[]", "7", '{"v":2,"p":["conversation"],"e":9999999999}', "{", '{"v":1}']) {
    await tab.evaluate((value) => localStorage.setItem("rempart:shop", value), text);
    await tab.reload();
    await tab.waitForSelector(".rempart-launcher");
    assert.equal(await stateOf(tab), "dormant", text);
  }
});

test("T15", "a page that pins the script of before a change goes on, with the words of now", async () => {
  const page = await (await fetch(url("lazy", "plain"))).text();
  const [, sha256, integrity] = /widget\.(\w+)\.js" integrity="([^"]+)"/.exec(page);
  await publish("lazy", "Material");
  assert.notEqual(await (await fetch(url("lazy", "plain"))).text(), page, "the change made another script");
  const context = await visitor();
  const since = await mark();
  const tab = await visit(context, "lazy", "plain", "?" + new URLSearchParams({ sha256, integrity: integrity.replaceAll("&#43;", "+") }));
  await openPanel(tab);
  await accept(tab);
  const { version } = await (await fetch(`${SERVICE}/w/lazy/notice.fr.json`)).json();
  assert.equal(await tab.evaluate(() => window.rempart.state().noticeVersion), version);
  assert.deepEqual((await since.ledger()).map((e) => e.noticeVersion), [version, version]);
  await tab.reload();
  await openPanel(tab);
  assert.equal(await stateOf(tab), "accepted");
});

test("T15", "a consent that expired asks again", async () => {
  const context = await visitor();
  const tab = await visit(context);
  await openPanel(tab);
  await accept(tab);
  const marker = { ...(await markerOf(tab)), e: Math.floor(Date.now() / 1000) - 1 };
  await tab.evaluate((m) => localStorage.setItem("rempart:shop", JSON.stringify(m)), marker);
  assert.equal(await tab.evaluate(() => window.rempart.state().state), "stale");
  const next = await visit(context, "shop", "received");
  assert.equal(await stateOf(next), "stale");
});

test("T16", "who sends Do Not Track is not asked for more either, where the policy honours it", async () => {
  const tab = await visit(await visitor({}, () => {
    Object.defineProperty(Navigator.prototype, "doNotTrack", { value: "1", configurable: true });
  }));
  assert.equal(await tab.evaluate(() => window.rempart.state().gpc), false);
  await openPanel(tab);
  await accept(tab);
  await tab.click(".rempart-choices");
  assert.match(await tab.textContent(".rempart-dialog"), /Votre navigateur/);
});

test("T16", "where the policy ignores Do Not Track it says nothing, and Global Privacy Control goes on counting", async () => {
  const open = async (signal) => {
    const tab = await visit(await visitor({}, signal), "untracked");
    await openPanel(tab);
    await accept(tab);
    await tab.click(".rempart-choices");
    return tab.textContent(".rempart-dialog");
  };
  const tracked = await open(() => Object.defineProperty(Navigator.prototype, "doNotTrack", { value: "1", configurable: true }));
  assert.doesNotMatch(tracked, /Votre navigateur/);
  const control = await open(() => Object.defineProperty(Navigator.prototype, "globalPrivacyControl", { value: true, configurable: true }));
  assert.match(control, /Votre navigateur/);
});

test("T16", "who sends Global Privacy Control is not asked for more, and a later choice wins", async () => {
  const since = await mark();
  const tab = await visit(await visitor({ extraHTTPHeaders: { "Sec-GPC": "1" } }, () => {
    Object.defineProperty(Navigator.prototype, "globalPrivacyControl", { value: true, configurable: true });
  }));
  assert.deepEqual(await device(tab), {});
  assert.equal(await tab.evaluate(() => window.rempart.state().gpc), true);
  await openPanel(tab);
  await accept(tab);
  assert.deepEqual((await since.ledger()).map((e) => e.gpc), [true, true]);
  await tab.click(".rempart-choices");
  assert.match(await tab.textContent(".rempart-dialog"), /Votre navigateur/);
  await tab.click(".rempart-save");
  await tab.waitForSelector(".rempart-dialog", { state: "detached" });
  assert.equal((await since.ledger()).length, 2, "an empty box of somebody who was not asked is no event");
  await tab.click(".rempart-choices");
  await tab.check(".rempart-dialog input");
  await tab.click(".rempart-save");
  await tab.waitForFunction(() => window.rempart.state().purposes.includes("newsletter"));
  assert.deepEqual((await since.ledger()).slice(2).map((e) => [e.type, e.purpose, e.gpc]), [["consent.given", "newsletter", true]]);
});
