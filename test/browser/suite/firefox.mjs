// T25: tests that hold in every browser, again in Debian's Firefox. Playwright drives only a Firefox of its own, or newer ones than
// Debian may have, so Puppeteer drives this one, by WebDriver BiDi: the last version that sends nothing which Firefox 140 does not
// know. visitor gives contexts and tabs that take what the tests call by Playwright's names.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import puppeteer from "puppeteer-core";
import { limit, skipped, spies, test, tests, until, url } from "./lib.mjs";

const { FIREFOX } = process.env;

let browser, home, reserved;
const open = new Set();

// launch starts Firefox for the first test that needs it. It wants a home of its own when root runs it in another user's, and its
// sandbox is off as Chromium's is.
const launch = async () => {
  home = mkdtempSync(join(tmpdir(), "rempart-firefox-"));
  browser = await puppeteer.launch({
    browser: "firefox", executablePath: FIREFOX, timeout: limit, protocolTimeout: limit, defaultViewport: { width: 1000, height: 800 },
    env: { ...process.env, HOME: home, MOZ_DISABLE_CONTENT_SANDBOX: "1" }, extraPrefsFirefox: { "intl.accept_languages": "fr-FR, fr" },
  });
};

// reserve is what Firefox counts as used, in bytes, once a page read a key of localStorage that nobody wrote. A few short entries
// do not add to it; those are seen by their names.
const reserve = async () => {
  const own = await browser.createBrowserContext();
  const page = await own.newPage({ type: "window" });
  await page.goto(url("shop", "blank"), { timeout: limit });
  const usage = await page.evaluate(async () => {
    localStorage.getItem("rempart:shop");
    return (await navigator.storage.estimate()).usage;
  });
  await own.close();
  return usage;
};

// tidy ends what a test opened, quit what all did.
export const tidy = async () => {
  for (const context of open) await context.close();
  open.clear();
};
export const quit = async () => {
  await browser?.close();
  if (home) rmSync(home, { recursive: true, force: true, maxRetries: 5 });
};

// dressed is a tab of Firefox. It waits here, in Node.js: a timer in the page would be one of the page's calls.
const dressed = (page, context) => {
  const shown = (selector) => page.evaluate((s) => !!document.querySelector(s)?.checkVisibility({ visibilityProperty: true }), selector);
  const waitForSelector = (selector, { state = "visible" } = {}) =>
    until(`${selector} (${state})`, async () => (await shown(selector)) === (state === "visible"));
  const of = async (selector, read, argument) => {
    await until(selector, () => page.evaluate((s) => !!document.querySelector(s), selector));
    return page.$eval(selector, read, argument);
  };
  const on = async (act, selector) => {
    await waitForSelector(selector);
    await page[act](selector);
  };
  return {
    context: () => context,
    goto: (url) => page.goto(url, { timeout: limit }),
    reload: () => page.reload({ timeout: limit }),
    close: () => page.close(),
    on: (event, tell) => page.on(event, tell),
    url: () => page.url(),
    frames: () => page.frames(),
    evaluate: (what, argument) => page.evaluate(what, argument),
    waitForFunction: (what, argument) => until(String(what), () => page.evaluate(what, argument)),
    waitForSelector,
    waitForTimeout: (millis) => new Promise((resolve) => setTimeout(resolve, millis)),
    isVisible: shown,
    textContent: (selector) => of(selector, (element) => element.textContent),
    inputValue: (selector) => of(selector, (element) => element.value),
    getAttribute: (selector, name) => of(selector, (element, n) => element.getAttribute(n), name),
    locator: (selector) => ({
      waitFor: () => waitForSelector(selector),
      count: () => page.evaluate((s) => document.querySelectorAll(s).length, selector),
    }),
    click: (selector) => on("click", selector),
    focus: (selector) => on("focus", selector),
    hover: (selector) => on("hover", selector),
    fill: async (selector, text) => {
      await on("focus", selector);
      await page.keyboard.type(text);
    },
    mouse: { move: (...where) => page.mouse.move(...where), wheel: (deltaX, deltaY) => page.mouse.wheel({ deltaX, deltaY }) },
    setViewportSize: (size) => page.setViewport(size),
  };
};

// visitor is somebody new in Firefox. Each tab is a window: one behind another would not be drawn.
const visitor = async (_, init) => {
  if (!browser) {
    await launch();
    reserved = await reserve();
  }
  const own = await browser.createBrowserContext();
  open.add(own);
  const heard = [];
  const context = {
    reserved,
    on: (event, tell) => heard.push([event, tell]),
    cookies: () => own.cookies(),
    addCookies: (cookies) => own.setCookie(...cookies.map(({ name, value, url }) => ({ name, value, domain: new URL(url).hostname, path: "/" }))),
    newPage: async () => {
      const page = await own.newPage({ type: "window" });
      for (const [event, tell] of heard) page.on(event, tell);
      await page.evaluateOnNewDocument(spies);
      if (init) await page.evaluateOnNewDocument(init);
      return dressed(page, context);
    },
  };
  return context;
};

for (const { name, title, run, firefox } of [...tests]) {
  if (!firefox) continue;
  if (FIREFOX) test("T25", `${name} in Firefox: ${title}`, () => run(visitor));
  else skipped("T25", `${name} in Firefox: ${title}`, "T25 was not run: there is no Firefox here");
}
