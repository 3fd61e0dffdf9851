// What the tests share: the browser, pages, the servers' back door, and how a device and a page's calls are looked at.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { chromium } from "playwright-core";

export const { PAGES, SERVICE } = process.env;
// limit of each wait, in milliseconds: much, for machines that are slow or busy.
export const limit = 60000;
export const launchOptions = { timeout: limit, executablePath: process.env.CHROMIUM, args: ["--no-sandbox", "--disable-dev-shm-usage"] };
export const browser = await chromium.launch(launchOptions);

// -- tests ----------------------------------------------------------------------------------------------------------

// test adds a test. Its run gets the visitors of a browser: Chromium's, and where it also runs in Firefox, the other's.
export const tests = [];
export const test = (name, title, run, { firefox = false } = {}) => tests.push({ name, title, run, firefox });
export const skipped = (name, title, skip) => tests.push({ name, title, skip });

// until asks again and again for what has no event to wait for, and returns the first answer that is true.
export const until = async (what, ask) => {
  for (const late = Date.now() + limit; ; await new Promise((resolve) => setTimeout(resolve, 20))) {
    const answer = await ask();
    if (answer) return answer;
    assert.ok(Date.now() < late, `${what}: waited for in vain`);
  }
};

// -- the servers' back door -----------------------------------------------------------------------------------------

const control = async (path, body) => {
  const response = await fetch(`${PAGES}/control/${path}`, body && { method: "POST", body: JSON.stringify(body) });
  const text = await response.text();
  return text && JSON.parse(text);
};

// mark returns functions that say what was recorded since: ledger entries, and requests of both servers.
export const mark = async () => {
  const [entries, requests] = [(await control("ledger")).length, (await control("requests")).length];
  const since = () => control("requests?from=" + requests);
  return {
    ledger: () => control("ledger?from=" + entries),
    requests: since,
    // acts are the bodies of what pages asked the ledger to record.
    acts: async () => (await since()).filter((r) => r.path.endsWith("/events")).map((r) => JSON.parse(r.body)),
  };
};

export const faults = (modes) => control("fault", modes);
// link is the address of a link that a program mails, of a person who is new; wishes how many people of a site asked to be erased.
export const link = async (site, kind, purpose = "") => SERVICE + (await control(`link?site=${site}&kind=${kind}&purpose=${purpose}`));
export const wishes = (site) => control("wishes?site=" + site);
// waiting is how many requests are held.
export const waiting = () => control("waiting");
// later moves the clock of a site's service ahead.
export const later = (site, days) => control(`clock?site=${site}&days=${days}`, {});
export const publish = (site, change) => control(`publish?site=${site}&change=${change}`, {});

// -- pages ----------------------------------------------------------------------------------------------------------

// visitor is somebody new: a fresh context whose pages all have spies. init runs before any script of a page.
export const visitor = async (options = {}, init) => {
  const context = await browser.newContext({ locale: "fr-FR", viewport: { width: 1000, height: 800 }, ...options });
  context.setDefaultTimeout(limit);
  await context.addInitScript(spies);
  if (init) await context.addInitScript(init.fn || init, init.argument);
  return context;
};

export const url = (site, page, query = "") => `${PAGES}/p/${site}/${page}.html${query}`;

// visit opens a page and waits until the widget is there.
export const visit = async (context, site = "shop", page = "plain", query = "") => {
  const tab = await context.newPage();
  tab.faults = [];
  tab.on("pageerror", (error) => tab.faults.push(String(error)));
  await tab.goto(url(site, page, query));
  await tab.waitForSelector(".rempart-launcher");
  return tab;
};

export const openPanel = async (tab) => {
  await tab.click(".rempart-launcher");
  await tab.waitForSelector(".rempart-choices");
  await drawn(tab);
};

// drawn waits until what is in the page was drawn once: who presses a key before that accepts nothing, since nothing was shown.
export const drawn = (tab) => tab.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));

export const write = async (tab, text) => tab.fill(".rempart-area", text);
export const send = async (tab, text) => {
  if (text) await write(tab, text);
  await tab.click(".rempart-send");
};
export const accept = async (tab) => {
  await tab.click(".rempart-panel .rempart-accept");
  await inState(tab, "accepted");
};
export const inState = (tab, state) => tab.waitForFunction((s) => window.rempart.state().state === s, state);
export const stateOf = (tab) => tab.evaluate(() => window.rempart.state().state);
export const status = (tab) => tab.textContent(".rempart-panel .rempart-status");
export const said = (tab) => tab.waitForFunction(() => document.querySelector(".rempart-panel .rempart-status").textContent);
export const mine = (tab) => tab.locator(".rempart-mine");

// shift has a page's clock go wrong by so many milliseconds; not that of timers, cookies and performance.now, which are the browser's.
export const shift = (by) => {
  const Right = (window.RightDate ??= Date);
  window.Date = class extends Right {
    constructor(...args) {
      super(...(args.length ? args : [Right.now() + by]));
    }
    static now() {
      return Right.now() + by;
    }
  };
};

// shiftAll does so in all pages of a context, those that are there and those to come.
export const shiftAll = async (context, by) => {
  await context.addInitScript(shift, by);
  for (const tab of context.pages()) await tab.evaluate(shift, by);
};

// collectEvents has a page's rempart:* events collected from the start; give it to visitor as init.
export const collectEvents = () => {
  window.events = [];
  window.causes = {}; // within which event of the browser the last of each type came
  let cause = "";
  const { addEventListener } = window;
  window.addEventListener = (type, listener, ...more) =>
    addEventListener.call(window, type, (event) => {
      cause = type;
      listener(event);
      cause = "";
    }, ...more);
  for (const type of ["ready", "notice-shown", "accepted", "refused", "withdrawn", "stale", "trigger-blocked", "trigger-started",
    "send-blocked", "pending", "error"]) {
    document.addEventListener("rempart:" + type, (event) => {
      window.events.push({ type, ...event.detail });
      window.causes[type] = cause;
    });
  }
};
export const eventsOf = (tab, type) => tab.evaluate((t) => window.events.filter((event) => event.type === t), type);

// -- spies ----------------------------------------------------------------------------------------------------------

// spies notes every call to what stores or talks, in each frame, as window.calls.
export function spies() {
  const calls = (window.calls = []);
  const note = (name, args) => calls.push(name + (typeof args[0] === "string" ? " " + args[0] : ""));
  const wrap = (holder, method, name) => {
    const original = holder?.[method];
    if (!original) return;
    holder[method] = function (...args) {
      note(name, args);
      return original.apply(this, args);
    };
  };
  for (const method of ["getItem", "setItem", "removeItem", "clear", "key"]) wrap(Storage.prototype, method, "storage." + method);
  const cookie = Object.getOwnPropertyDescriptor(Document.prototype, "cookie");
  Object.defineProperty(Document.prototype, "cookie", {
    configurable: true,
    get() { note("cookie.get", []); return cookie.get.call(this); },
    set(value) { note("cookie.set", [value]); cookie.set.call(this, value); },
  });
  if (window.CookieStore) for (const method of ["get", "getAll", "set", "delete"]) wrap(CookieStore.prototype, method, "cookieStore." + method);
  wrap(IDBFactory.prototype, "open", "indexedDB.open");
  if (window.CacheStorage) for (const method of ["open", "match", "has"]) wrap(CacheStorage.prototype, method, "caches." + method);
  if (window.ServiceWorkerContainer) wrap(ServiceWorkerContainer.prototype, "register", "serviceWorker.register");
  if (window.StorageManager) for (const method of ["getDirectory", "persist"]) wrap(StorageManager.prototype, method, "storageManager." + method);
  if (window.LockManager) wrap(LockManager.prototype, "request", "locks.request");
  wrap(window, "fetch", "fetch");
  wrap(XMLHttpRequest.prototype, "open", "xhr");
  wrap(Navigator.prototype, "sendBeacon", "beacon");
  wrap(History.prototype, "pushState", "history.pushState");
  wrap(History.prototype, "replaceState", "history.replaceState");
  wrap(window, "postMessage", "postMessage");
  wrap(window, "setInterval", "setInterval");
  for (const name of ["WebSocket", "EventSource", "RTCPeerConnection", "BroadcastChannel", "Worker", "SharedWorker", "WebTransport"]) {
    const original = window[name];
    if (!original) continue;
    window[name] = new Proxy(original, {
      construct(target, args) { note(name, args); return Reflect.construct(target, args); },
    });
  }
}

export const callsOf = async (tab) => {
  const found = [];
  for (const frame of tab.frames()) found.push(...(await frame.evaluate(() => [...window.calls])));
  return found;
};

// -- the device -----------------------------------------------------------------------------------------------------

// device is all that is stored, by every way that the browser has. An untouched one is {}. Chromium is asked for cookies in two
// ways, Firefox in the one that it has; what a browser counts as used before anything was written is its own, reserved.
export const device = async (tab) => {
  const found = await tab.evaluate(async (reserved) => {
    const usage = Math.max(0, ((await navigator.storage?.estimate?.())?.usage || 0) - reserved);
    const entries = (storage) => { try { return Object.entries(storage); } catch { return []; } };
    const opfs = [];
    try {
      if (usage) for await (const name of (await navigator.storage.getDirectory()).keys()) opfs.push(name);
    } catch { /* no such file system here */ }
    return {
      local: entries(window.localStorage),
      session: entries(window.sessionStorage),
      databases: ((await indexedDB.databases?.()) || []).map((one) => one.name),
      caches: window.caches ? await caches.keys() : [],
      workers: ((await navigator.serviceWorker?.getRegistrations()) || []).map((one) => one.scope),
      name: window.name ? [window.name] : [],
      history: history.state ? [history.state] : [],
      opfs,
      usage: usage ? [usage] : [],
    };
  }, tab.context().reserved || 0);
  const cookies = await tab.context().cookies();
  if (tab.context().newCDPSession) {
    const cdp = await tab.context().newCDPSession(tab);
    cookies.push(...(await cdp.send("Network.getAllCookies")).cookies);
    await cdp.detach();
  }
  found.cookies = [...new Set(cookies.map((one) => `${one.name}=${one.value}`))];
  return Object.fromEntries(Object.entries(found).filter(([, values]) => values.length));
};

// untouched asserts that a page stored nothing and called nothing but what may be: reading the site's own key once, and
// fetching the words once the panel was opened.
export const untouched = async (tab, { site = "shop", reads = 1, opened = false, host = SERVICE } = {}) => {
  const calls = await callsOf(tab);
  const allowed = [...Array(reads).fill(`storage.getItem rempart:${site}`)];
  if (opened) allowed.push(`fetch ${host}/w/${site}/notice.fr.json`);
  assert.deepEqual(calls.sort(), allowed.sort(), "calls of the page");
  assert.deepEqual(await device(tab), {}, "the device");
  assert.deepEqual(tab.faults, [], "errors of the page");
};

// -- words ----------------------------------------------------------------------------------------------------------

// canonical is JSON with sorted keys and no spaces.
export const canonical = (value) =>
  JSON.stringify(value, (_, v) =>
    v && typeof v === "object" && !Array.isArray(v) ? Object.fromEntries(Object.entries(v).sort(([a], [b]) => (a < b ? -1 : 1))) : v);
export const sha256 = (text) => createHash("sha256").update(text).digest("base64url");
export { assert };
