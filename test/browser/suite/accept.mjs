// T8 to T10: what an acceptance is, and what it is not.
import {
  accept, assert, canonical, collectEvents, device, drawn, eventsOf, inState, mark, mine, openPanel, said, send, SERVICE, sha256, stateOf, status, test,
  url, visit, visitor,
} from "./lib.mjs";

// wordsShown are a notice's words as they stand in the document, so that their hash is of what the visitor saw. Names of purposes
// and the digest of the terms are not shown: those are of the notice.
const wordsShown = async (tab, notice) => {
  const shown = {
    language: await tab.getAttribute("#rempart-consent-banner", "lang"),
    banner: await tab.textContent("#rempart-consent-words"),
    accept: await tab.textContent(".rempart-panel .rempart-accept"),
    acceptAndSend: await tab.textContent(".rempart-send"),
    refuse: await tab.textContent(".rempart-panel .rempart-refuse"),
    details: await tab.textContent(".rempart-panel .rempart-details"),
    choices: await tab.textContent(".rempart-choices"),
    termsURL: await tab.getAttribute(".rempart-panel .rempart-link", "href"),
    privacyURL: await tab.getAttribute(".rempart-panel .rempart-link ~ .rempart-link", "href"),
    ...(notice.texts.termsDigest && { termsDigest: notice.texts.termsDigest }),
  };
  await tab.click(".rempart-panel .rempart-details");
  await tab.waitForSelector(".rempart-dialog");
  const purposes = await tab.evaluate(() => [...document.querySelectorAll(".rempart-purpose")].map((purpose) =>
    [".rempart-title", ".rempart-text"].map((part) => purpose.querySelector(part).textContent)));
  assert.equal(purposes.length, notice.purposes.length);
  shown.purposes = purposes.map(([title, text], i) => ({ name: notice.purposes[i].name, title, text }));
  await tab.click(".rempart-dialog .rempart-close");
  await tab.evaluate(() => window.rempart.trigger("returns"));
  await inState(tab, "pending-trigger");
  shown.acceptAndStart = await tab.textContent(".rempart-panel .rempart-accept");
  await tab.click(".rempart-panel .rempart-refuse");
  await inState(tab, "noticed");
  return shown;
};

test("T8", "sending a message accepts what was in view: the record first, then the message, once", async (visitor) => {
  const since = await mark();
  const tab = await visit(await visitor({}, collectEvents));
  const notice = await (await fetch(`${SERVICE}/w/shop/notice.fr.json`)).json();
  await openPanel(tab);
  assert.equal(await tab.textContent(".rempart-send"), "Accepter et envoyer");
  assert.equal(await tab.getAttribute(".rempart-send", "aria-describedby"), "rempart-consent-words");
  const shown = sha256(canonical(await wordsShown(tab, notice)));
  await send(tab, "Bonjour, où est ma commande ?");
  await mine(tab).waitFor();
  assert.equal(await tab.inputValue(".rempart-area"), "");
  assert.equal(await tab.evaluate(() => document.activeElement.className), "rempart-area");
  assert.equal(await tab.getAttribute(".rempart-send", "aria-describedby"), "");

  const posts = (await since.requests()).filter((r) => r.method === "POST");
  assert.deepEqual(posts.map((r) => r.path), ["/v1/sites/shop/events", "/messages"]);
  const message = JSON.parse(posts[1].body);
  assert.equal(message.text, "Bonjour, où est ma commande ?");
  assert.equal(posts[1].bearer, "", "the receipt secret went with a message");

  const entries = await since.ledger();
  assert.deepEqual(entries.map((e) => [e.type, e.purpose, e.decision, e.method]), [
    ["storage.acknowledged", "", "granted", "message"],
    ["terms.accepted", "conversation", "granted", "message"],
  ]);
  assert.equal(entries[0].noticeSha256, shown, "the ledger holds other words than those shown");
  const [{ acts, ui }] = await since.acts();
  assert.deepEqual(acts, [{ purpose: "conversation", decision: "granted" }]);
  assert.equal(ui.visible, true);
  assert.ok(ui.shownMs > 0);
  assert.equal(entries[0].gpc, false);

  const { local, usage, ...rest } = await device(tab);
  assert.deepEqual(rest, {});
  assert.ok(usage === undefined || usage[0] < 20000);
  const stored = Object.fromEntries(local);
  assert.deepEqual(Object.keys(stored).sort(), ["rempart:shop", "rempart:shop:s"]);
  const marker = JSON.parse(stored["rempart:shop"]);
  assert.deepEqual(Object.keys(marker), ["v", "n", "p", "t", "e", "k"]);
  assert.ok(stored["rempart:shop"].length <= 250);
  assert.deepEqual([marker.v, marker.n, marker.p], [1, notice.materialDigest.slice(0, 16), ["conversation"]]);
  assert.ok(Math.abs((marker.e - marker.t) / 86400 - 182) <= 2, "six months");
  assert.match(marker.k, /^[A-Za-z0-9_-]{22}$/);
  assert.equal(posts[0].bearer, marker.k);
  assert.equal(message.conversation, stored["rempart:shop:s"].split(".")[0]);
  assert.match(message.conversation, /^[A-Za-z0-9_-]{22}$/);
  assert.ok(!JSON.stringify(await tab.evaluate(() => window.events)).includes(marker.k));

  await send(tab, "Encore moi");
  await tab.waitForFunction(() => document.querySelectorAll(".rempart-mine").length === 2);
  const more = (await since.requests()).filter((r) => r.method === "POST").slice(2);
  assert.deepEqual(more.map((r) => r.path), ["/messages"]);
  assert.equal(JSON.parse(more[0].body).conversation, message.conversation);

  await tab.reload();
  await inState(tab, "accepted");
  await openPanel(tab);
  assert.equal(await tab.isVisible("#rempart-consent-banner"), false);
  assert.equal(await tab.isVisible(".rempart-choices"), true);
}, { firefox: true });

test("T8", "stores as the policy says: per tab, in a cookie, without a secret", async () => {
  const tab = await visit(await visitor(), "tab");
  await openPanel(tab);
  await send(tab, "Bonjour");
  await mine(tab).waitFor();
  let found = await device(tab);
  assert.deepEqual(found.local.map(([key]) => key), ["rempart:tab"]);
  assert.deepEqual(found.session.map(([key]) => key), ["rempart:tab:s"]);

  const shared = await visit(await visitor(), "cookie");
  await openPanel(shared);
  await send(shared, "Bonjour");
  await mine(shared).waitFor();
  found = await device(shared);
  assert.equal(found.cookies.length, 1);
  assert.match(found.cookies[0], /^__Secure-rempart-[0-9a-f]{8}=/);
  assert.deepEqual(found.local.map(([key]) => key), ["rempart:cookie:s"]);
  const [cookie] = await shared.context().cookies();
  assert.deepEqual([cookie.secure, cookie.sameSite, cookie.path], [true, "Lax", "/"]);
  await shared.reload();
  await inState(shared, "accepted");

  const since = await mark();
  const unlinked = await visit(await visitor(), "aggregate");
  await openPanel(unlinked);
  await accept(unlinked);
  const [[, marker]] = (await device(unlinked)).local;
  assert.equal(JSON.parse(marker).k, undefined);
  assert.equal((await since.ledger()).length, 2);
  assert.deepEqual((await since.requests()).filter((r) => r.path.endsWith("/events")).map((r) => r.bearer), [""]);
  await unlinked.evaluate(() => window.rempart.withdraw());
  await inState(unlinked, "withdrawn");
  assert.deepEqual((await since.requests()).filter((r) => r.path.endsWith("withdrawals")), []);
});

const hiding = {
  "hidden": "#rempart-consent-banner { display: none !important }",
  "invisible": "#rempart-consent-banner { visibility: hidden !important }",
  "without words": "#rempart-consent-words { visibility: hidden !important }",
  "off screen": "#rempart-consent-banner { position: absolute !important; left: -9999px !important; width: 300px }",
  "transparent": ".rempart-panel { opacity: 0.02 !important }",
  "filtered": "#rempart-consent-banner { filter: opacity(0.01) !important }",
  "in invisible ink": "#rempart-consent-words { color: transparent !important }",
  "in the colour of the paper": "#rempart-consent-banner { background: rgb(9, 9, 9) !important } #rempart-consent-words { color: rgb(9, 9, 9) !important }",
  "tiny": "#rempart-consent-words { font-size: 1px !important }",
  "filled with the colour of the paper": "#rempart-consent-words { background: rgb(9, 9, 9) !important; -webkit-text-fill-color: rgb(9, 9, 9) !important }",
  "not drawn": "#rempart-consent-words { display: none !important }",
  "beside its place": "#rempart-consent-words { text-indent: -9999px !important }",
  "cut off": "#rempart-consent-words { height: 2px !important; overflow: hidden !important }",
  "blurred": "#rempart-consent-words { filter: blur(9px) !important }",
  "without contrast": ".rempart-panel { filter: contrast(0) !important }",
  "clipped": "#rempart-consent-words { clip-path: inset(50%) !important }",
  "written in dots": "#rempart-consent-banner { -webkit-text-security: disc !important }",
  "shrunk": "#rempart-consent-words { transform: scale(0.1) !important }",
  "without a name on the way out": ".rempart-panel .rempart-refuse { text-indent: -9999px !important }",
  "covered": ".rempart-head::after { content: ''; position: fixed; inset: 0 0 150px 0; background: white; z-index: 9 }",
  "moved up": "#rempart-consent-words { transform: translateY(-9999px) !important }",
  "moved down": "#rempart-consent-words { position: relative !important; top: 9999px !important }",
  "moved above the panel": "#rempart-consent-words { position: relative !important; top: -500px !important }",
  "cut off at its side": "#rempart-consent-words { width: 20px !important; white-space: nowrap !important; overflow: hidden !important }",
  "without buttons": ".rempart-panel .rempart-buttons { transform: translateY(-9999px) !important }",
  "squeezed": "#rempart-consent-banner { height: 0 !important; overflow: hidden !important; padding: 0 !important; border: 0 !important }",
};

test("T9", "a message is not an acceptance where a page hides the banner", async () => {
  for (const [how, css] of Object.entries(hiding)) {
    const since = await mark();
    const context = await visitor({}, collectEvents);
    const tab = await visit(context);
    await openPanel(tab);
    await tab.addStyleTag({ content: css });
    await tab.fill(".rempart-area", "Bonjour");
    await drawn(tab);
    await tab.locator(".rempart-send").dispatchEvent("focus");
    await tab.evaluate(() => document.querySelector(".rempart-send").focus());
    await tab.keyboard.press("Enter");
    await said(tab);
    assert.equal(await stateOf(tab), "noticed", `a banner that is ${how} was accepted`);
    assert.deepEqual((await eventsOf(tab, "send-blocked")).map((e) => e.reason), ["banner"], how);
    assert.equal(await tab.inputValue(".rempart-area"), "Bonjour");
    assert.deepEqual(await since.ledger(), [], how);
    assert.deepEqual(await device(tab), {}, how);
    await context.close();
  }
});

test("T9", "a box is no consent where a page hides what its purpose is, and what scrolls away is not hidden", async () => {
  const ways = ["display: none", "opacity: 0.01", "font-size: 1px", "transform: translateY(-9999px)", "color: transparent", "text-indent: -9999px"];
  for (const way of ways) {
    const since = await mark();
    const tab = await visit(await visitor({ viewport: { width: 320, height: 320 } }));
    await openPanel(tab);
    await accept(tab);
    await tab.click(".rempart-choices");
    const style = await tab.addStyleTag({ content: `.rempart-purpose > .rempart-text { ${way} !important }` });
    await tab.check(".rempart-dialog input[name=newsletter]");
    await tab.click(".rempart-save");
    await tab.waitForFunction(() => document.querySelector(".rempart-dialog .rempart-status").textContent);
    assert.match(await tab.textContent(".rempart-dialog .rempart-status"), /Lisez/, way);
    assert.deepEqual(await tab.evaluate(() => window.rempart.state().purposes), ["conversation"], way);
    assert.equal((await since.ledger()).length, 2, way);
    await style.evaluate((element) => element.remove());
    await drawn(tab);
    await tab.click(".rempart-save");
    await tab.locator(".rempart-dialog").waitFor({ state: "detached" });
    assert.deepEqual((await since.ledger()).slice(2).map((e) => [e.purpose, e.method]), [["newsletter", "checkbox"]], way);
    await tab.context().close();
  }
});

test("T9", "words with an empty line between them are seen", async () => {
  const tab = await visit(await visitor());
  await openPanel(tab);
  await tab.evaluate(() => (document.querySelector("#rempart-consent-words").textContent = "En envoyant un message,\n\nvous acceptez.\n"));
  await send(tab, "Bonjour");
  await mine(tab).waitFor();
});

test("T9", "a filter of the whole page, such as a visitor's own against glare, does not reach the panel and blocks nobody", async () => {
  const tab = await visit(await visitor());
  await tab.addStyleTag({ content: "html { filter: invert(1) hue-rotate(180deg) } body { filter: blur(9px); opacity: 0.1 }" });
  await openPanel(tab);
  await send(tab, "Bonjour");
  await mine(tab).waitFor();
  assert.equal(await stateOf(tab), "accepted");
});

test("T9", "a script's click is nobody's act, and a button is asked for where the policy wants one", async () => {
  const since = await mark();
  // The library's own evaluate counts as a visitor's gesture, so the page acts by itself and is left alone meanwhile.
  const tab = await (await visitor({}, () => {
    const drawn = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    window.errors = [];
    document.addEventListener("rempart:error", (event) => window.errors.push(event.detail.code));
    document.addEventListener("rempart:ready", async () => {
      await window.rempart.open();
      await drawn();
      document.querySelector(".rempart-accept").click();
      await window.rempart.accept();
      console.log("done");
    });
  })).newPage();
  const done = tab.waitForEvent("console", (message) => message.text() === "done");
  await tab.goto(url("shop", "plain"));
  await done;
  assert.equal(await stateOf(tab), "noticed");
  assert.deepEqual(await tab.evaluate(() => window.errors), ["no-act"]);
  const explicit = await visit(await visitor({}, collectEvents), "explicit");
  await openPanel(explicit);
  assert.equal(await explicit.textContent(".rempart-send"), "Envoyer");
  await send(explicit, "Bonjour");
  await said(explicit);
  assert.deepEqual((await eventsOf(explicit, "send-blocked")).map((e) => e.reason), ["consent"]);
  assert.deepEqual(await since.ledger(), []);
  await accept(explicit);
  await send(explicit);
  await mine(explicit).waitFor();
  assert.deepEqual((await since.ledger()).map((e) => e.method), ["button", "button"]);
});

test("T9", "who refused may write where the policy allows a conversation in memory, and is asked elsewhere", async () => {
  const since = await mark();
  const tab = await visit(await visitor(), "ephemeral");
  await openPanel(tab);
  await tab.click(".rempart-refuse");
  assert.match(await status(tab), /sans trace/);
  await send(tab, "Bonjour");
  await mine(tab).waitFor();
  assert.deepEqual(await since.ledger(), []);
  assert.deepEqual(await device(tab), {});
  assert.equal(await tab.evaluate(() => window.rempart.state().state), "refused");

  const other = await visit(await visitor({}, collectEvents));
  await openPanel(other);
  await other.click(".rempart-refuse");
  await send(other, "Bonjour");
  await inState(other, "noticed");
  assert.equal(await other.isVisible("#rempart-consent-banner"), true);
  assert.equal(await other.inputValue(".rempart-area"), "Bonjour");
});

test("T9", "an age is asked where the policy needs one, by a box that nobody ticked", async () => {
  const since = await mark();
  const tab = await visit(await visitor({}, collectEvents), "young");
  await openPanel(tab);
  const box = tab.locator(".rempart-panel input[type=checkbox]");
  assert.equal(await box.isChecked(), false);
  assert.match(await tab.textContent("#rempart-consent-banner"), /15 ans ou plus/);
  await tab.click(".rempart-panel .rempart-accept");
  await said(tab);
  assert.deepEqual((await eventsOf(tab, "send-blocked")).map((e) => e.reason), ["age"]);
  assert.match(await status(tab), /15 ans ou plus/, "what was forgotten is read out");
  assert.ok(await box.evaluate((element) => element === document.activeElement), "who forgot the box is at it");
  assert.deepEqual(await since.ledger(), []);
  await box.check();
  await accept(tab);
  await tab.click(".rempart-choices");
  await tab.getByLabel("Lettre d'information J'ai 15 ans ou plus.").check();
  await tab.click(".rempart-save");
  await tab.waitForFunction(() => window.rempart.state().purposes.includes("newsletter"));
  assert.equal((await since.ledger()).length, 3);
  const other = await visit(await visitor());
  await openPanel(other);
  assert.equal(await other.isVisible(".rempart-panel input"), false);
});

test("T9", "calls before anything was opened do no harm, and change nothing that was not asked", async () => {
  const since = await mark();
  const tab = await visit(await visitor({}, collectEvents));
  await tab.evaluate(async () => {
    await window.rempart.accept();
    await window.rempart.withdraw();
    await window.rempart.close();
    await window.rempart.trigger("nothing");
    await window.rempart.close();
    await window.rempart.init({ site: "shop", language: "en" });
    await window.rempart.init({ site: "another" });
    await window.rempart.refuse();
  });
  assert.deepEqual((await eventsOf(tab, "error")).map((e) => e.code), ["no-act", "trigger", "site"]);
  assert.equal(await stateOf(tab), "refused");
  assert.deepEqual(await device(tab), {});
  assert.deepEqual(await since.ledger(), []);
  await tab.evaluate(() => void window.rempart.preferences());
  await tab.waitForSelector(".rempart-dialog[open]");
  assert.equal(await tab.isVisible(".rempart-dialog input"), false, "nothing can be chosen before the service is accepted");
  await tab.click(".rempart-dialog .rempart-close");
  const fresh = await visit(await visitor());
  await fresh.evaluate(() => window.rempart.refuse());
  assert.equal(await stateOf(fresh), "refused");
  assert.deepEqual([...tab.faults, ...fresh.faults], []);
});

test("T10", "an accepted scenario starts once", async () => {
  const since = await mark();
  const tab = await visit(await visitor({}, collectEvents));
  await tab.evaluate(() => window.rempart.trigger("returns"));
  await inState(tab, "pending-trigger");
  await tab.dblclick(".rempart-panel .rempart-accept");
  await inState(tab, "accepted");
  await tab.waitForFunction(() => document.querySelectorAll(".rempart-theirs").length === 2);
  assert.deepEqual(await eventsOf(tab, "trigger-started"), [{ type: "trigger-started", id: "returns" }]);
  const messages = (await since.requests()).filter((r) => r.path === "/messages");
  assert.equal(messages.length, 1);
  assert.equal(JSON.parse(messages[0].body).trigger, "returns");
  assert.deepEqual((await since.ledger()).map((e) => e.method), ["trigger-button", "trigger-button"]);
});
