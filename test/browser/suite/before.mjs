// T0 to T7: nothing happens before the visitor acts.
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";
import {
  accept, assert, callsOf, collectEvents, device, drawn, eventsOf, inState, launchOptions, mark, openPanel, PAGES, send, SERVICE, stateOf,
  test, untouched, url, visit, visitor, write,
} from "./lib.mjs";

test("T0", "a page that cheats is seen, wherever it stores", async (visitor) => {
  const context = await visitor();
  const tab = await context.newPage();
  tab.faults = [];
  await tab.goto(url("shop", "cheat"));
  await tab.evaluate(() => window.cheated);
  const found = await device(tab);
  for (const place of ["cookies", "local", "session", "databases", "caches", "workers", "name", "history", "opfs", "usage"]) {
    assert.ok(found[place]?.length, `${place} was written and not seen`);
  }
  assert.deepEqual(found.cookies.sort(), ["cheat2=1", "cheat=1"]);
  const calls = new Set((await callsOf(tab)).map((call) => call.split(" ")[0]));
  for (const call of ["cookie.set", "cookieStore.set", "storage.setItem", "history.replaceState", "indexedDB.open", "caches.open",
    "storageManager.getDirectory", "serviceWorker.register", "fetch", "beacon", "BroadcastChannel", "xhr", "WebSocket",
    "EventSource", "RTCPeerConnection", "Worker", "SharedWorker", "WebTransport", "locks.request", "postMessage", "setInterval"]) {
    assert.ok(calls.has(call), `${call} was called and not seen`);
  }
  await assert.rejects(untouched(tab), "the check of every other test lets a page pass that cheats");
}, { firefox: true });

// wander does what a visitor does without acting on the widget.
const wander = async (tab) => {
  await tab.mouse.move(10, 10);
  await tab.mouse.move(400, 300, { steps: 5 });
  await tab.mouse.wheel(0, 400);
  await tab.setViewportSize({ width: 500, height: 700 });
  await tab.setViewportSize({ width: 1000, height: 800 });
  await tab.focus(".rempart-launcher");
  await tab.hover(".rempart-launcher");
  await tab.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
};

test("T1", "loading, waiting, scrolling and hovering stores nothing", async (visitor) => {
  const tab = await visit(await visitor());
  await wander(tab);
  await tab.waitForTimeout(3000);
  await untouched(tab);
  assert.equal(await stateOf(tab), "dormant");
}, { firefox: true });

test("T1", "where a framework replaces the body the launcher and the open panel come back, and nothing is stored", async (visitor) => {
  const replaced = (tab, copy) => tab.evaluate((copied) => {
    const body = copied ? document.body.cloneNode(true) : Object.assign(document.createElement("body"), { innerHTML: "<p id=next><a href=#>Ailleurs</a>" });
    document.body.replaceWith(body);
  }, copy);
  const first = (tab) => tab.evaluate(() => document.body.firstElementChild.className.split(" ").pop());
  const tab = await visit(await visitor());
  await replaced(tab);
  await tab.waitForSelector(".rempart-launcher");
  assert.equal(await first(tab), "rempart-launcher");
  await openPanel(tab);
  await write(tab, "Bonjour");
  await tab.click(".rempart-choices");
  await tab.waitForSelector(".rempart-dialog[open]");
  // As from a cache of pages that were left: copies answer to nobody.
  await replaced(tab, true);
  await tab.waitForFunction(() => document.body.querySelector(".rempart-area")?.value);
  assert.deepEqual([await tab.locator(".rempart-launcher").count(), await tab.locator(".rempart-panel").count()], [1, 1]);
  assert.equal(await tab.inputValue(".rempart-area"), "Bonjour");
  assert.equal(await tab.locator(".rempart-dialog").count(), 0);
  await tab.click(".rempart-choices");
  await tab.waitForSelector(".rempart-dialog[open]");
  await tab.click(".rempart-dialog .rempart-close");
  await tab.click(".rempart-panel .rempart-close");
  assert.equal(await tab.isVisible(".rempart-launcher"), true);
  await untouched(tab, { opened: true }); // once: in Firefox the look itself counts as use of the next one
}, { firefox: true });

test("T1", "in an element of the page the launcher stays while the panel is open, and comes back with that element", async () => {
  const tab = await visit(await visitor({}, () => { window.rempartQueue = [["init", { mount: "#slot" }]]; }), "shop", "queue");
  await tab.waitForSelector("#slot > .rempart-launcher");
  await openPanel(tab);
  assert.equal(await tab.isVisible("#slot > .rempart-launcher"), true);
  await tab.click(".rempart-launcher");
  assert.equal(await tab.isVisible(".rempart-panel"), false);
  await tab.evaluate(() => document.querySelector("#slot").replaceWith(Object.assign(document.createElement("div"), { id: "slot" })));
  await tab.waitForSelector("#slot > .rempart-launcher");
  await tab.evaluate(() => document.querySelector("#slot").remove());
  await tab.waitForSelector("body > .rempart-launcher");
  await tab.evaluate(() => document.body.append(Object.assign(document.createElement("div"), { id: "slot" })));
  await tab.waitForSelector("#slot > .rempart-launcher");
  assert.equal(await tab.locator(".rempart-launcher").count(), 1);
  assert.deepEqual(tab.faults, []);
});

test("T1", "a script that runs before there is a body waits for it, and finds its place once that comes", async () => {
  const tab = await visit(await visitor(), "shop", "early");
  await tab.waitForSelector("#slot > .rempart-launcher");
  await tab.waitForSelector("#slot > .rempart-panel:popover-open");
  assert.equal(await tab.evaluate(() => window.rempart.state().state), "noticed");
  assert.deepEqual(tab.faults, []);
});

test("T2", "nothing is called but the reading of one key, or not even that", async () => {
  const tab = await visit(await visitor());
  await wander(tab);
  await untouched(tab);
  const lazy = await visit(await visitor(), "lazy");
  await wander(lazy);
  await untouched(lazy, { site: "lazy", reads: 0 });
  await openPanel(lazy);
  await untouched(lazy, { site: "lazy", reads: 1, opened: true });
});

test("T3", "two static requests that are the same for everybody", async (visitor) => {
  const since = await mark();
  const asked = [];
  for (let i = 0; i < 2; i++) {
    const context = await visitor();
    await context.addCookies([{ name: "page", value: "cookie-" + i, url: PAGES }, { name: "service", value: "cookie-" + i, url: SERVICE }]);
    context.on("request", (request) => asked.push(request.url()));
    const tab = await visit(context);
    await openPanel(tab);
    await tab.close();
  }
  for (const one of asked) assert.ok(one.startsWith(PAGES + "/") || one.startsWith(SERVICE + "/"), `${one} is another host`);
  // The page itself, and the icon that the browser may ask for by itself, are the site's.
  const requests = (await since.requests()).filter((request) => request.at !== "pages" || !/^\/(p\/|favicon)/.test(request.path));
  const [, sha] = /widget\.([0-9a-f]{64})\.js/.exec(requests[0].path);
  assert.deepEqual(requests.map((r) => r.method + " " + r.path), Array(2).fill([`GET /w/shop/widget.${sha}.js`, "GET /w/shop/notice.fr.json"]).flat());
  for (const request of requests) {
    assert.equal(request.at, "service");
    for (const field of ["query", "cookie", "referrer", "body", "setCookie", "key", "bearer"]) assert.equal(request[field], "", field);
    assert.ok(request.etag);
  }
  for (const field of ["etag", "digest"]) {
    assert.equal(requests[0][field], requests[2][field], `the script's ${field} differs between visitors`);
    assert.equal(requests[1][field], requests[3][field], `the notice's ${field} differs between visitors`);
  }
}, { firefox: true });

// filesWith lists the files of a folder that hold one of the texts, in 8-bit or 16-bit letters.
const filesWith = (folder, texts) => {
  const needles = texts.flatMap((text) => [Buffer.from(text), Buffer.from(text, "utf16le")]);
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return filesWith(path, texts);
    if (!entry.isFile() || !statSync(path).size) return [];
    const data = readFileSync(path);
    return needles.some((needle) => data.includes(needle)) ? [path] : [];
  });
};

// What a browser keeps of any page that it shows, whoever made it: its cache of files, its history, its tabs.
// Of a folder of the profile itself: what a page stores lies deeper, as in Service Worker/CacheStorage.
const ofAnyPage = /^\/(Default\/)?(Network\/)?(Cache\/|Code Cache|GPUCache|DawnCache|History|Sessions|Visited Links|Favicons|Top Sites|Shortcuts|Network Action Predictor|Network Persistent State|TransportSecurity|Reporting and NEL|Preferences|Local State|Site Characteristics Database|BrowserMetrics|ShaderCache|optimization_guide)/;

test("T4", "the profile on the disk holds nothing of the site, also after another start", async () => {
  const profile = mkdtempSync(join(tmpdir(), "rempart-profile-"));
  try {
    for (let i = 0; i < 2; i++) {
      const context = await chromium.launchPersistentContext(profile, launchOptions);
      const tab = await context.newPage();
      await tab.goto(url("shop", "plain"));
      await tab.click(".rempart-launcher");
      await tab.waitForSelector(".rempart-accept");
      await context.close();
      const found = filesWith(profile, ["rempart:shop", "/w/shop/", SERVICE]).map((path) => path.slice(profile.length));
      assert.deepEqual(found.filter((path) => !ofAnyPage.test(path)), []);
    }
    // The search itself: an accepted choice is found.
    const context = await chromium.launchPersistentContext(profile, launchOptions);
    const tab = await context.newPage();
    await tab.goto(url("shop", "plain"));
    await tab.click(".rempart-launcher");
    await tab.waitForSelector(".rempart-accept");
    await drawn(tab);
    await tab.click(".rempart-accept");
    await tab.waitForFunction(() => localStorage.length);
    await tab.evaluate(async () => (await caches.open("planted")).put("/rempart:shop", new Response("planted")));
    await context.close();
    const seen = filesWith(profile, ["rempart:shop"]).map((path) => path.slice(profile.length)).filter((path) => !ofAnyPage.test(path));
    for (const place of ["Local Storage", "CacheStorage"]) assert.ok(seen.some((path) => path.includes(place)), `what lies in ${place} is not seen`);
  } finally {
    rmSync(profile, { recursive: true, force: true });
  }
});

test("T5", "reading and writing without sending stores nothing", async () => {
  const since = await mark();
  const tab = await visit(await visitor());
  await openPanel(tab);
  await write(tab, "x".repeat(200));
  await tab.hover(".rempart-send");
  await tab.focus(".rempart-area");
  await tab.keyboard.press("Enter");
  await tab.waitForTimeout(200);
  await untouched(tab, { opened: true });
  assert.equal(await stateOf(tab), "noticed");
  assert.deepEqual((await since.requests()).filter((r) => r.method !== "GET"), []);
});

test("T6", "a scenario that was opened and not accepted is not fetched", async () => {
  const since = await mark();
  const tab = await visit(await visitor({}, collectEvents));
  await tab.evaluate(() => window.rempart.trigger("returns"));
  await inState(tab, "pending-trigger");
  assert.match(await tab.textContent(".rempart-theirs"), /renvoyer un article/);
  assert.equal(await tab.textContent(".rempart-accept"), "Accepter et démarrer");
  await untouched(tab, { opened: true });
  await tab.keyboard.press("Escape");
  await inState(tab, "noticed");
  await tab.evaluate(() => window.rempart.trigger("returns"));
  await inState(tab, "pending-trigger");
  await tab.click(".rempart-refuse");
  await inState(tab, "noticed");
  await untouched(tab, { opened: true });
  assert.deepEqual(await eventsOf(tab, "trigger-blocked"), Array(2).fill({ type: "trigger-blocked", id: "returns" }));
  assert.deepEqual(await eventsOf(tab, "trigger-started"), []);
  assert.deepEqual(await since.ledger(), []);
  // Accepting later does not start what was refused.
  await accept(tab);
  assert.deepEqual((await since.requests()).filter((r) => r.path === "/messages"), []);
});

test("T7", "refusing, Escape, closing and loading again leave no trace", async () => {
  const since = await mark();
  const context = await visitor();
  const tab = await visit(context);
  await openPanel(tab);
  await tab.click(".rempart-refuse");
  await inState(tab, "refused");
  await untouched(tab, { opened: true });
  await tab.keyboard.press("Escape");
  assert.equal(await tab.isVisible(".rempart-panel"), false);
  assert.equal(await stateOf(tab), "refused");
  await tab.reload();
  await tab.waitForSelector(".rempart-launcher");
  await untouched(tab);
  assert.equal(await stateOf(tab), "dormant");
  await openPanel(tab);
  await send(tab, "Bonjour").catch(() => {});
  assert.deepEqual((await since.requests()).filter((r) => r.path.endsWith("/withdrawals")), []);

  const remember = await visit(await visitor(), "remember");
  await openPanel(remember);
  await remember.click(".rempart-refuse");
  await inState(remember, "refused");
  const { local, ...rest } = await device(remember);
  const marker = JSON.parse(Object.fromEntries(local)["rempart:remember"]);
  assert.deepEqual(Object.keys(marker), ["v", "x", "e"]);
  assert.deepEqual(Object.keys(rest).filter((key) => key !== "usage"), []);
  await remember.reload();
  await inState(remember, "refused");
  // One that ended is none, and so does not keep the next from being remembered.
  await remember.evaluate(() => localStorage.setItem("rempart:remember", JSON.stringify({ v: 1, x: 1, e: 1 })));
  await remember.reload();
  await inState(remember, "dormant");
  await openPanel(remember);
  await remember.click(".rempart-refuse");
  await inState(remember, "refused");
  await remember.reload();
  await inState(remember, "refused");
});
