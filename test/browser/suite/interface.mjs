// T28: what a page may call, and what it is told.
import {
  accept, assert, collectEvents, device, eventsOf, inState, mark, mine, openPanel, PAGES, said, send, SERVICE, test, untouched, visit, visitor,
} from "./lib.mjs";

// handed has the page's own code take messages and scenarios, and note what it gets. It answers what the page's answer says, throws where
// that is an error, and waits for good where it is a promise. It is put into the queue, before the script has come.
const handed = () => {
  window.handed = [];
  window.stopped = [];
  const take = (name) => async (what, { conversation, id, signal, ...more }) => {
    const stored = Object.keys(localStorage);
    window.handed.push({ name, what, conversation, id, more, stored, state: window.rempart.state().state });
    const { aborted } = signal; // before it is handed over
    signal.addEventListener("abort", () => {
      window.handed.push("aborted");
      window.stopped.push({ name, what, aborted, stored: Object.keys(localStorage).length });
    });
    if (window.answer instanceof Error) throw window.answer;
    // A page that is told to stop does.
    return await Promise.race([window.answer, new Promise((_, stop) => signal.addEventListener("abort", () => stop(signal.reason)))]);
  };
  window.rempartQueue = [["gate", { send: take("send"), start: take("start") }]];
  window.errors = [];
  document.addEventListener("rempart:error", (event) => window.errors.push(event.detail.code));
};
const got = (tab) => tab.evaluate(() => window.handed);

test("T28", "functions of the page get what was accepted, after the record, and nobody else does", async () => {
  const since = await mark();
  const tab = await visit(await visitor({}, handed));
  await openPanel(tab);
  await tab.evaluate(() => (window.answer = "<b>Merci</b>"));
  // Nothing before the acceptance.
  await tab.addStyleTag({ content: "#rempart-consent-words { visibility: hidden }" }).then((style) => (tab.hiding = style));
  await send(tab, "Bonjour");
  await said(tab);
  assert.deepEqual(await got(tab), []);
  await tab.hiding.evaluate((style) => style.remove());
  await send(tab);
  await mine(tab).waitFor();
  await tab.locator(".rempart-theirs").waitFor();
  assert.equal(await tab.textContent(".rempart-theirs"), "<b>Merci</b>", "an answer is words");
  const [first, ...none] = await got(tab);
  assert.deepEqual(none, []);
  assert.deepEqual([first.name, first.what, first.more, first.state], ["send", "Bonjour", {}, "accepted"]);
  assert.ok(first.stored.includes("rempart:shop"), "the record comes first");
  for (const id of [first.conversation, first.id]) assert.match(id, /^[A-Za-z0-9_-]{22}$/);
  const stored = Object.fromEntries((await device(tab)).local);
  assert.equal(stored["rempart:shop:s"].split(".")[0], first.conversation);
  assert.notEqual(JSON.parse(stored["rempart:shop"]).k, first.id);
  assert.equal((await since.ledger()).length, 2);

  // A failure keeps the text, and the next attempt has the same id; a later message has another.
  await tab.evaluate(() => (window.answer = new Error("not now")));
  await send(tab, "Encore");
  await tab.waitForFunction(() => window.errors.length);
  await tab.waitForFunction(() => !document.querySelector(".rempart-area").readOnly);
  assert.deepEqual(await tab.evaluate(() => window.errors), ["send"]);
  assert.equal(await tab.inputValue(".rempart-area"), "Encore");
  assert.equal(await mine(tab).count(), 1);
  for (const answer of ["undefined", "{ reply: 'Non' }"]) { // only words are shown
    await tab.evaluate(`window.answer = ${answer}`);
    await send(tab, "Encore");
    await tab.waitForFunction(() => document.querySelector(".rempart-area").value === "");
  }
  assert.deepEqual([await mine(tab).count(), await tab.locator(".rempart-theirs").count()], [3, 1]);
  const [, failed, again, next] = await got(tab);
  assert.equal(failed.id, again.id);
  assert.equal(new Set([first.id, again.id, next.id]).size, 3);
  assert.equal(new Set([first, failed, again, next].map((one) => one.conversation)).size, 1);

  // A withdrawal tells the page to stop, and the text stays.
  await tab.evaluate(() => void (window.answer = new Promise(() => {})));
  await send(tab, "Ne partez pas");
  await tab.waitForFunction(() => window.handed.length === 5);
  await tab.evaluate(() => window.rempart.withdraw());
  await inState(tab, "withdrawn");
  assert.equal((await got(tab)).at(-1), "aborted");
  assert.deepEqual((await since.requests()).filter((r) => r.path === "/messages"), [], "the policy's address got it too");
});

const stopped = (tab) => tab.evaluate(() => window.stopped.map((one) => one.name + " " + one.what));
const inFlight = async (tab, ...words) => {
  const before = (await got(tab)).length;
  await tab.evaluate(() => void (window.answer = new Promise(() => {})));
  for (const text of words) await send(tab, text);
  await tab.waitForFunction((n) => window.handed.length === n, before + words.length);
};

test("T28", "a withdrawal stops all that an acceptance let out, before it changes what is stored, and nothing of the next", async () => {
  const tab = await visit(await visitor({}, handed));
  await tab.evaluate(() => {
    window.answer = new Promise(() => {});
    window.rempart.trigger("returns");
  });
  await inState(tab, "pending-trigger");
  await accept(tab);
  await tab.waitForFunction(() => window.handed.length === 1);
  await inFlight(tab, "Bonjour");
  // A purpose that the service does not need stops nothing.
  await tab.click(".rempart-choices");
  await tab.check(".rempart-dialog input");
  await tab.click(".rempart-save");
  await tab.waitForFunction(() => window.rempart.state().purposes.includes("newsletter"));
  await tab.evaluate(() => window.rempart.withdraw(["newsletter"]));
  assert.deepEqual(await stopped(tab), []);
  await tab.evaluate(() => window.rempart.withdraw());
  await inState(tab, "withdrawn");
  assert.deepEqual(await stopped(tab), ["start returns", "send Bonjour"]);
  assert.deepEqual(await tab.evaluate(() => window.stopped.map((one) => one.stored)), [2, 2], "the conversation's id went first");
  assert.deepEqual((await device(tab)).local.map(([key]) => key), ["rempart:shop"]);

  await tab.waitForFunction(() => !document.querySelector(".rempart-area").readOnly);
  await tab.click(".rempart-panel .rempart-close");
  await openPanel(tab);
  await accept(tab);
  await inFlight(tab, "De retour");
  assert.equal((await stopped(tab)).length, 2);
  // Who leaves the acceptance by the terms, or by time, is stopped too, and keeps what is stored.
  await tab.evaluate(() => {
    const marker = JSON.parse(localStorage.getItem("rempart:shop"));
    localStorage.setItem("rempart:shop", JSON.stringify({ ...marker, e: marker.t }));
  });
  await inState(tab, "stale");
  assert.deepEqual((await stopped(tab)).slice(2), ["send De retour"]);
  assert.deepEqual(await tab.evaluate(() => window.stopped.map((one) => one.aborted)), [false, false, false]);
  assert.equal((await device(tab)).local.length, 2);
});

test("T28", "a withdrawal or a refusal in another tab stops what this one sends", async () => {
  for (const [site, method] of [["shop", "withdraw"], ["shop", "refuse"], ["cookie", "withdraw"]]) {
    const context = await visitor({}, handed);
    const tab = await visit(context, site);
    await openPanel(tab);
    await accept(tab);
    await inFlight(tab, "Bonjour");
    const other = await visit(context, site);
    await other.evaluate((name) => window.rempart[name](), method);
    await inState(tab, "withdrawn"); // which has it look at a cookie
    assert.deepEqual(await stopped(tab), ["send Bonjour"], `${site} ${method}`);
    await context.close();
  }
});

test("T28", "who listens for ready in the queue hears it once, also where the script begins by itself", async () => {
  const heard = () => {
    window.heard = [];
    window.rempartQueue = [["on", "ready", (detail) => window.heard.push(detail.state)], ["init", {}]];
  };
  for (const page of ["plain", "queue"]) {
    const tab = await visit(await visitor({}, heard), "shop", page);
    await tab.evaluate(() => window.rempart.close()); // once it has begun
    assert.deepEqual(await tab.evaluate(() => window.heard), ["dormant"], page);
  }
});

test("T28", "a scenario that is accepted is started by the page's function, once, and at once where the consent is there", async () => {
  const since = await mark();
  const context = await visitor({}, collectEvents);
  await context.addInitScript(handed);
  const tab = await visit(context);
  await tab.evaluate(() => window.rempart.trigger("returns"));
  await inState(tab, "pending-trigger");
  assert.deepEqual(await eventsOf(tab, "trigger-blocked"), [{ type: "trigger-blocked", id: "returns" }]);
  await tab.keyboard.press("Escape");
  await inState(tab, "noticed");
  assert.deepEqual(await got(tab), []);
  await tab.evaluate(() => window.rempart.trigger("returns"));
  await accept(tab);
  await tab.waitForFunction(() => window.handed.length);
  await tab.click(".rempart-panel .rempart-close");
  // Given before: nothing is asked, and nothing is blocked.
  await tab.evaluate(() => window.rempart.trigger("returns"));
  await tab.waitForFunction(() => window.handed.length === 2);
  assert.equal(await tab.isVisible("#rempart-consent-banner"), false);
  // A message starts no scenario that ran before.
  await send(tab, "Bonjour");
  await tab.waitForFunction(() => window.handed.length > 2 && !document.querySelector(".rempart-area").readOnly);
  assert.deepEqual((await got(tab)).map((one) => one.name), ["start", "start", "send"]);
  await tab.reload();
  await tab.waitForSelector(".rempart-launcher");
  await tab.evaluate(() => window.rempart.trigger("returns"));
  await tab.waitForFunction(() => window.handed.length);
  assert.deepEqual(await eventsOf(tab, "trigger-blocked"), []);
  assert.deepEqual(await eventsOf(tab, "trigger-started"), [{ type: "trigger-started", id: "returns" }]);
  const [{ name, what, conversation }] = await got(tab);
  assert.deepEqual([name, what, conversation], ["start", "returns", (await device(tab)).local.find(([key]) => key.endsWith(":s"))[1].split(".")[0]]);
  assert.deepEqual((await since.ledger()).map((e) => e.method), ["trigger-button", "trigger-button"]);
  assert.deepEqual((await since.requests()).filter((r) => r.path === "/messages"), []);
});

test("T28", "where nobody would take a message it is not accepted, and not lost", async () => {
  const since = await mark();
  const tab = await visit(await visitor({}, collectEvents), "gateless");
  await openPanel(tab);
  await send(tab, "Bonjour");
  await tab.waitForFunction(() => window.events.some((event) => event.type === "error"));
  assert.deepEqual((await eventsOf(tab, "error")).map((e) => e.code), ["gate"]);
  assert.equal(await tab.inputValue(".rempart-area"), "Bonjour");
  assert.deepEqual(await since.ledger(), []);
  assert.deepEqual(await device(tab), {});
});

test("T28", "the state says since when and until when, and the receipt what was recorded of the last act", async () => {
  const context = await visitor({}, () => {
    window.heard = [];
    window.rempartQueue = ["ready", "accepted", "withdrawn"].map((type) => ["on", type, (detail) => window.heard.push({ type, ...detail })]);
    window.rempartQueue.push(["init", {}]);
  });
  const tab = await visit(context, "shop", "queue");
  const stateIs = () => tab.evaluate(() => window.rempart.state());
  const receipt = () => tab.evaluate(() => window.rempart.receipt());
  const notice = await (await fetch(`${SERVICE}/w/shop/notice.fr.json`)).json();
  assert.deepEqual(await stateIs(), { state: "dormant", noticeVersion: notice.version, purposes: [], since: undefined, expires: undefined, gpc: false });
  assert.equal(await receipt(), null);
  await openPanel(tab);
  const before = Math.floor(Date.now() / 1000);
  await accept(tab);
  const after = Math.ceil(Date.now() / 1000);
  const { since, expires, ...rest } = await stateIs();
  assert.deepEqual(rest, { state: "accepted", noticeVersion: notice.version, purposes: ["conversation"], gpc: false });
  assert.ok(since >= before && since <= after);
  assert.equal(expires - since, 181 * 86400, "six months, of the policy");

  const read = (text) => text.split(".").slice(0, 2).map((part) => JSON.parse(Buffer.from(part, "base64url")));
  const [header, claims] = read(await receipt());
  assert.deepEqual([header.alg, header.typ], ["EdDSA", "consent-receipt+jwt"]);
  assert.deepEqual([claims.iss, claims.aud, claims.method], [SERVICE, "shop", "button"]);
  assert.deepEqual([claims.notice.lang, claims.notice.ver, claims.notice.sha256], ["fr", notice.version, notice.sha256]);
  assert.deepEqual(claims.ev.map((one) => [one.type, one.purpose, one.decision]),
    [["storage.acknowledged", undefined, undefined], ["terms.accepted", "conversation", "granted"]]);

  // The next act has a receipt of its own; the page forgets it, as it is nobody's but the visitor's.
  await tab.click(".rempart-choices");
  await tab.check(".rempart-dialog input");
  await tab.click(".rempart-save");
  await tab.waitForFunction(() => window.rempart.state().purposes.includes("newsletter"));
  const [, newer] = read(await receipt());
  assert.deepEqual(newer.ev.map((one) => one.purpose), ["newsletter"]);
  assert.notEqual(newer.jti, claims.jti);
  const kept = await stateIs();
  assert.deepEqual([kept.since >= since, kept.expires], [true, expires], "a further choice makes none longer");
  await tab.reload();
  await inState(tab, "accepted");
  assert.equal(await receipt(), null);
  assert.deepEqual((await stateIs()).expires, expires);
  assert.deepEqual((await device(tab)).local.map(([key]) => key), ["rempart:shop"]);

  await tab.evaluate(() => window.rempart.withdraw());
  await inState(tab, "withdrawn");
  const gone = await stateIs();
  assert.deepEqual([gone.purposes, gone.expires], [[], undefined]);
  assert.ok(gone.since >= since);
  assert.deepEqual(await tab.evaluate(() => window.heard), [{ type: "ready", state: "accepted" }, { type: "withdrawn", purposes: ["conversation", "newsletter"] }]);
});

test("T28", "init says where the service is and in which language; a second one, and what it does not know, change nothing", async () => {
  const begin = (options) => visitor({}, { fn: (o) => { window.rempartQueue = [["init", o]]; }, argument: options });
  const since = await mark();
  const tab = await visit(await begin({ site: "shop", host: PAGES }), "shop", "queue");
  await untouched(tab);
  await tab.evaluate((host) => window.rempart.init({ host, language: "en" }), SERVICE);
  await openPanel(tab);
  await accept(tab);
  await tab.evaluate(() => window.rempart.withdraw());
  await tab.waitForFunction(() => !JSON.parse(localStorage.getItem("rempart:shop")).q);
  const asked = (await since.requests()).filter((r) => /^\/(w|v1)\//.test(r.path) && !r.path.endsWith(".js"));
  assert.deepEqual(asked.map((r) => [r.at, r.path]),
    [["pages", "/w/shop/notice.fr.json"], ["pages", "/v1/sites/shop/events"], ["pages", "/v1/sites/shop/withdrawals"]]);
  assert.equal(await tab.locator(".rempart-launcher").count(), 1);

  for (const [language, lang, spoken] of [["EN-gb", "fr", "en"], ["pt", "en", "en"], ["pt", "pt", "fr"]]) {
    const after = await mark();
    const other = await visit(await begin({ site: "shop", language }), "shop", "queue", "?lang=" + lang);
    assert.equal(await other.getAttribute(".rempart-launcher", "lang"), spoken, `${language} in a page in ${lang}`);
    await openPanel(other);
    assert.match(await other.textContent("#rempart-consent-words"), spoken === "en" ? /By sending a message/ : /En envoyant un message/);
    await accept(other);
    const { sha256 } = await (await fetch(`${SERVICE}/w/shop/notice.${spoken}.json`)).json();
    assert.deepEqual((await after.ledger()).map((e) => e.noticeSha256), [sha256, sha256], "other words than those shown");
    await other.context().close();
  }
});
