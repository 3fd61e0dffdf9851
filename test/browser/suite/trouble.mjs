// T17 to T19, T23: what goes wrong, and must not cost a text, a choice or a second record.
import {
  accept, assert, collectEvents, device, eventsOf, faults, inState, limit, mark, mine, openPanel, PAGES, publish, said, send, SERVICE, stateOf,
  status, test, until, visit, visitor,
} from "./lib.mjs";

const storageErrors = async (tab) => (await eventsOf(tab, "error")).filter((e) => e.code === "storage").length;

test("T17", "a browser that stores nothing, or has no room, gets a conversation in memory", async () => {
  const denials = {
    denied: () => {
      for (const name of ["localStorage", "sessionStorage"]) {
        Object.defineProperty(window, name, { get() { throw new DOMException("denied", "SecurityError"); } });
      }
    },
    full: () => {
      Storage.prototype.setItem = () => { throw new DOMException("full", "QuotaExceededError"); };
    },
  };
  for (const [name, deny] of Object.entries(denials)) {
    const since = await mark();
    const context = await visitor({}, collectEvents);
    await context.addInitScript(deny);
    const tab = await visit(context);
    await openPanel(tab);
    await send(tab, "Bonjour");
    await mine(tab).waitFor();
    await send(tab, "Encore");
    await tab.waitForFunction(() => document.querySelectorAll(".rempart-mine").length === 2);
    assert.equal(await storageErrors(tab), 1, name);
    assert.equal(await stateOf(tab), "accepted");
    const messages = (await since.requests()).filter((r) => r.path === "/messages").map((r) => JSON.parse(r.body).conversation);
    assert.equal(messages[0], messages[1], "one conversation");
    await tab.evaluate(() => window.rempart.withdraw());
    await inState(tab, "withdrawn");
    await until("the withdrawal", async () => (await since.ledger()).at(-1).type === "consent.withdrawn");
    assert.deepEqual(tab.faults, []);
    await context.close();
  }
});

test("T17", "it works in a frame of another site", async () => {
  const context = await visitor();
  const tab = await context.newPage();
  await tab.goto(SERVICE + "/p/shop/frame.html");
  const frame = tab.frameLocator("iframe");
  await frame.locator(".rempart-launcher").click();
  assert.deepEqual((await context.cookies()), []);
  await frame.locator(".rempart-area").fill("Bonjour");
  await frame.locator(".rempart-send").click();
  await frame.locator(".rempart-mine").waitFor();
});

// troubled sends a message while the ledger is in trouble, and checks that nothing was lost or stored.
const troubled = async (tab, mode) => {
  await faults({ events: mode });
  await send(tab, "Ne me perdez pas");
  await tab.waitForFunction(() => /réessayez/.test(document.querySelector(".rempart-panel .rempart-status").textContent), null, { timeout: limit });
  assert.match(await status(tab), /réessayez/, mode);
  assert.equal(await tab.inputValue(".rempart-area"), "Ne me perdez pas");
  assert.equal(await stateOf(tab), "noticed");
  assert.deepEqual(await device(tab), {}, mode);
  assert.equal(await mine(tab).count(), 0);
};

test("T18", "a ledger that is down, slow or broken costs no text and stores nothing", async () => {
  for (const mode of ["down", "500", "slow"]) {
    const since = await mark();
    const tab = await visit(await visitor());
    await openPanel(tab);
    await troubled(tab, mode);
    assert.deepEqual((await since.requests()).filter((r) => r.path === "/messages"), [], "the message left before the record");
    await faults({});
    await send(tab);
    await mine(tab).waitFor();
    assert.equal((await since.ledger()).length, 2, mode);
    const keys = (await since.requests()).filter((r) => r.path.endsWith("/events")).map((r) => r.key + r.bearer);
    assert.equal(new Set(keys).size, 1, "a retry is the same act");
    assert.equal((await since.requests()).filter((r) => r.path === "/messages").length, 1);
    await tab.context().close();
  }
});

test("T18", "an answer that was lost makes no second event, and a refusal then takes it back", async () => {
  const since = await mark();
  const tab = await visit(await visitor());
  await openPanel(tab);
  await troubled(tab, "lost");
  await faults({});
  await accept(tab);
  assert.equal((await since.ledger()).length, 2);
  await tab.context().close();

  const other = await visit(await visitor());
  await openPanel(other);
  await troubled(other, "lost");
  await faults({});
  await other.click(".rempart-panel .rempart-refuse");
  await inState(other, "refused");
  await until("the withdrawal", async () => (await since.ledger()).at(-1).type === "consent.withdrawn");
  assert.deepEqual(await device(other), {});
});

// loseChoice ticks the newsletter's box, and the answer to it is lost.
const loseChoice = async (tab) => {
  await openPanel(tab);
  await accept(tab);
  await tab.click(".rempart-choices");
  await tab.check(".rempart-dialog input[name=newsletter]");
  await faults({ events: "lost" });
  await tab.click(".rempart-save");
  await tab.waitForFunction(() => document.querySelector(".rempart-dialog .rempart-status").textContent, null, { timeout: limit });
  await faults({});
};

test("T18", "a box of which the answer was lost is taken back at the ledger when it is cleared again", async () => {
  const since = await mark();
  const tab = await visit(await visitor());
  await loseChoice(tab);
  await tab.uncheck(".rempart-dialog input[name=newsletter]");
  await tab.click(".rempart-save");
  await tab.locator(".rempart-dialog").waitFor({ state: "detached" });
  await until("the withdrawal", async () => (await since.ledger()).at(-1).type === "consent.withdrawn");
  assert.deepEqual((await since.ledger()).slice(2).map((e) => [e.type, e.purpose]), [["consent.given", "newsletter"], ["consent.withdrawn", "newsletter"]]);
});

test("T18", "what was lost stays one act until it is taken back itself, and then another try is another act", async () => {
  const keys = async (since) => (await since.requests()).filter((r) => r.path.endsWith("/events")).map((r) => r.key);
  let since = await mark();
  const tab = await visit(await visitor());
  await loseChoice(tab);
  await tab.evaluate(() => window.rempart.withdraw(["another"]));
  await tab.click(".rempart-save");
  await tab.locator(".rempart-dialog").waitFor({ state: "detached" });
  assert.equal(new Set((await keys(since)).slice(1)).size, 1);
  assert.deepEqual((await since.ledger()).slice(2).map((e) => e.type), ["consent.given"]);
  await tab.context().close();

  since = await mark();
  const unlinked = await visit(await visitor(), "aggregate");
  await openPanel(unlinked);
  await troubled(unlinked, "lost");
  await faults({});
  await unlinked.click(".rempart-panel .rempart-refuse");
  await inState(unlinked, "refused");
  await unlinked.click(".rempart-panel .rempart-close");
  await unlinked.click(".rempart-launcher");
  await send(unlinked);
  await inState(unlinked, "noticed");
  await accept(unlinked);
  assert.equal(new Set(await keys(since)).size, 2);
});

test("T18", "words that changed meanwhile are shown, and asked again", async () => {
  const since = await mark();
  const tab = await visit(await visitor({}, collectEvents), "remember");
  await openPanel(tab);
  await publish("remember", "Material");
  await send(tab, "Bonjour");
  await said(tab);
  assert.match(await status(tab), /ont changé/);
  assert.match(await tab.textContent("#rempart-consent-words"), /édition 2/);
  assert.equal(await tab.inputValue(".rempart-area"), "Bonjour");
  assert.deepEqual(await device(tab), {});
  assert.deepEqual(await since.ledger(), []);
  assert.equal((await eventsOf(tab, "stale")).length, 1);
  await send(tab);
  await mine(tab).waitFor();
  assert.deepEqual((await since.ledger()).map((e) => e.noticeVersion), [2, 2]);

  const other = await visit(await visitor(), "remember");
  await openPanel(other);
  await publish("remember", "Material");
  await other.click(".rempart-panel .rempart-accept");
  await said(other);
  assert.equal(await other.evaluate(() => document.activeElement.id), "rempart-consent-banner", "who was at the old words is at the new ones");
  await accept(other);
});

test("T18", "words that do not come leave the page as it was: the launcher says so, and the next click asks again", async () => {
  const tab = await visit(await visitor({}, collectEvents));
  const launcher = tab.locator(".rempart-launcher");
  await faults({ "notice.fr.json": "500" });
  for (let i = 1; i < 3; i++) {
    await launcher.click();
    await tab.waitForFunction((n) => window.events.filter((event) => event.code === "notice").length === n, i);
    await tab.waitForFunction(() => /réessayez/.test(document.querySelector(".rempart-launcher").textContent));
    assert.equal(await launcher.getAttribute("aria-live"), "polite", "what it says is read out");
  }
  await tab.evaluate(() => window.rempart.trigger("returns"));
  assert.equal(await tab.evaluate(() => window.rempart.ensure("conversation")), false);
  await tab.click("[data-rempart-preferences]");
  assert.deepEqual((await eventsOf(tab, "error")).slice(2, 4).map((e) => e.code), ["notice", "trigger"]);
  assert.equal(await tab.locator(".rempart-panel, .rempart-dialog").count(), 0);
  assert.equal(await stateOf(tab), "dormant");
  assert.deepEqual(await device(tab), {});
  assert.equal((await eventsOf(tab, "notice-shown")).length, 0);
  await faults({});
  await openPanel(tab);
  assert.equal(await launcher.textContent(), "Nous écrire");
  assert.equal(await status(tab), "");
  await send(tab, "Bonjour");
  await mine(tab).waitFor();
});

test("T18", "a service of before, which sends no words of the interface, is as good as none", async () => {
  const context = await visitor();
  await context.route("**/notice.fr.json", async (route) => {
    const response = await route.fetch();
    const { interface: _, ...before } = await response.json();
    await route.fulfill({ response, json: before });
  });
  const tab = await visit(context);
  await tab.evaluate(() => window.rempart.trigger("returns"));
  await tab.waitForFunction(() => /réessayez/.test(document.querySelector(".rempart-launcher").textContent));
  assert.equal(await tab.locator(".rempart-panel").count(), 0);
  assert.deepEqual(tab.faults, []);
  await context.unroute("**/notice.fr.json");
  await openPanel(tab);
  assert.equal(await tab.textContent(".rempart-label"), "Votre message");
});

test("T18", "words that take long make the launcher busy, and one panel however often it is clicked", async () => {
  const context = await visitor({}, collectEvents);
  const tab = await visit(context);
  let go;
  const slow = new Promise((resolve) => (go = resolve));
  await context.route("**/notice.fr.json", async (route) => {
    await slow;
    await route.continue();
  });
  for (let i = 0; i < 3; i++) await tab.click(".rempart-launcher");
  await tab.evaluate(() => {
    window.rempart.preferences();
    window.rempart.preferences();
  });
  assert.equal(await tab.locator(".rempart-panel, .rempart-dialog").count(), 0);
  go();
  await tab.waitForSelector(".rempart-dialog[open]");
  assert.equal(await tab.locator(".rempart-dialog").count(), 1);
  assert.equal(await tab.locator(".rempart-panel").count(), 1);
  assert.equal((await eventsOf(tab, "notice-shown")).length, 1);
});

test("T18", "a message that was not delivered stays, and is sent under the same id", async () => {
  const since = await mark();
  const tab = await visit(await visitor());
  await openPanel(tab);
  await faults({ messages: "500" });
  await send(tab, "Bonjour");
  await tab.waitForFunction(() => /réessayez/.test(document.querySelector(".rempart-status").textContent));
  assert.equal(await tab.inputValue(".rempart-area"), "Bonjour");
  await faults({});
  await send(tab);
  await mine(tab).waitFor();
  const ids = (await since.requests()).filter((r) => r.path === "/messages").map((r) => JSON.parse(r.body).id);
  assert.equal(ids.length, 2);
  assert.equal(ids[0], ids[1]);
  assert.equal((await since.ledger()).length, 2);
});

test("T19", "a double click, two buttons, two tabs, and going back make one event", async () => {
  const since = await mark();
  const context = await visitor({}, collectEvents);
  const tab = await visit(context);
  await openPanel(tab);
  await tab.dblclick(".rempart-panel .rempart-accept");
  await inState(tab, "accepted");
  assert.equal((await since.ledger()).length, 2);
  assert.equal((await eventsOf(tab, "accepted")).length, 1);
  await tab.goto("about:blank");
  await tab.goBack();
  await inState(tab, "accepted");
  assert.equal((await since.ledger()).length, 2);
  await context.close();

  const twice = await visit(await visitor());
  await openPanel(twice);
  await twice.fill(".rempart-area", "Bonjour");
  await twice.dblclick(".rempart-send");
  await mine(twice).waitFor();
  assert.equal((await since.requests()).filter((r) => r.path === "/messages").length, 1);
  assert.equal((await since.ledger()).length, 4);

  const both = await visitor();
  const [one, two] = [await visit(both), await visit(both)];
  await openPanel(one);
  await openPanel(two);
  for (const t of [one, two]) await t.focus(".rempart-panel .rempart-accept");
  await Promise.all([one, two].map((t) => t.keyboard.press("Enter")));
  await inState(one, "accepted");
  await inState(two, "accepted");
  assert.equal((await since.ledger()).length, 6);
});

test("T19", "offline, nothing is stored, and the act can be done when the network is back", async () => {
  const since = await mark();
  const context = await visitor();
  const tab = await visit(context);
  await openPanel(tab);
  await context.setOffline(true);
  await send(tab, "Bonjour");
  await said(tab);
  assert.deepEqual(await device(tab), {});
  assert.equal(await tab.inputValue(".rempart-area"), "Bonjour");
  await context.setOffline(false);
  await send(tab);
  await mine(tab).waitFor();
  assert.equal((await since.ledger()).length, 2);
});

test("T19", "withdrawing stops a message that is on its way", async () => {
  const tab = await visit(await visitor({}, () => { AbortSignal.timeout = () => new AbortController().signal; })); // no time ends it
  await openPanel(tab);
  await accept(tab);
  await faults({ messages: "slow" });
  await send(tab, "Bonjour");
  await tab.evaluate(() => window.rempart.withdraw());
  await inState(tab, "withdrawn");
  await tab.waitForFunction(() => !document.querySelector(".rempart-area").readOnly);
  assert.equal(await mine(tab).count(), 0);
  assert.equal(await tab.inputValue(".rempart-area"), "Bonjour");
  assert.deepEqual((await device(tab)).local.map(([key]) => key), ["rempart:shop"]);
});

test("T23", "forged requests are refused, whatever the widget would send", async () => {
  const since = await mark();
  const { token } = await (await fetch(`${SERVICE}/w/shop/notice.fr.json`)).json();
  const ask = async ({ site = "shop", noticeToken = token, origin = PAGES, type = "terms.accepted", purpose = "conversation", method = "button", visible = true }) => {
    const response = await fetch(`${SERVICE}/v1/sites/${site}/events`, {
      method: "POST",
      headers: { Origin: origin, Authorization: "Bearer AAAAAAAAAAAAAAAAAAAAAA", "Idempotency-Key": String(Math.random()), "Content-Type": "application/json" },
      body: JSON.stringify({ noticeToken, acts: [{ type, purpose, decision: "granted" }], method, ui: { shownMs: 9, visible }, occurredAt: new Date() }),
    });
    return response.status;
  };
  assert.equal(await ask({ site: "explicit" }), 403, "another tenant's site");
  assert.equal(await ask({ noticeToken: token.slice(0, -4) + "AAAA" }), 403, "an altered token");
  assert.equal(await ask({ origin: "https://evil.example" }), 403, "another origin");
  assert.equal(await ask({ purpose: "advertising" }), 422, "an unknown purpose");
  assert.equal(await ask({ purpose: "newsletter", method: "message", type: "consent.given" }), 422, "an optional purpose by a message");
  assert.equal(await ask({ method: "message", visible: false }), 422, "a message without the banner");
  assert.deepEqual(await since.ledger(), []);
  assert.equal(await ask({}), 201);
});
