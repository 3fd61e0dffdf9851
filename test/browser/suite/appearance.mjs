// T21, T22, T24: people who see, hear or move otherwise, the start, and hostile style sheets. Pictures of each state go to out/.
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { gzipSync } from "node:zlib";
import {
  accept, assert, collectEvents, drawn, faults, inState, mark, mine, openPanel, PAGES, said, send, SERVICE, stateOf, test, url, visit, visitor, write,
} from "./lib.mjs";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const out = new URL("../out/", import.meta.url).pathname;
mkdirSync(out, { recursive: true });

// judge has axe look at the page, and takes a picture.
const judge = async (tab, name) => {
  await tab.screenshot({ path: `${out}${name}.png` });
  const { violations } = await tab.evaluate((source) => {
    if (!window.axe) (0, eval)(source);
    return window.axe.run(document, { resultTypes: ["violations"] });
  }, axe);
  assert.deepEqual(violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.target + " " + n.failureSummary).join("; ")}`), [], name);
  await measure(tab, name);
};

// measure looks for what axe does not: targets of 44 px, and words that do not fit.
const measure = async (tab, name) => {
  const found = await tab.evaluate(() => {
    const faults = [];
    for (const element of document.querySelectorAll("[class^=rempart-]")) {
      const box = element.getBoundingClientRect();
      if (!box.width || element.className.includes("hidden")) continue;
      const what = element.className + " " + element.textContent.slice(0, 20);
      if (/^(BUTTON|A|TEXTAREA)$/.test(element.tagName) && (box.height < 44 || box.width < 44)) faults.push(`${what}: ${box.width}x${box.height}`);
      if (box.left < 0 || box.right > innerWidth) faults.push(what + ": beyond the screen");
      if (element.scrollWidth > element.clientWidth + 1 && element.clientWidth && getComputedStyle(element).display !== "inline") faults.push(what + ": too wide");
    }
    return faults;
  });
  assert.deepEqual(found, [], name);
};

// states walks through what a visitor can see, and stops at each.
const states = async (context, query, stop) => {
  const tab = await visit(context, "shop", "plain", query);
  await stop(tab, "closed");
  await faults({ [`notice.${query.slice(-2)}.json`]: "500" });
  await tab.click(".rempart-launcher");
  await tab.waitForFunction(() => /(réessayez|again)/.test(document.querySelector(".rempart-launcher").textContent));
  await stop(tab, "unreachable");
  await faults({});
  await openPanel(tab);
  await stop(tab, "noticed");
  await write(tab, "Bonjour, je n'ai pas reçu ma commande.");
  await tab.addStyleTag({ content: "#rempart-consent-words { visibility: hidden }" }).then((style) => (tab.hiding = style));
  await send(tab);
  await said(tab);
  await tab.hiding.evaluate((style) => style.remove());
  await stop(tab, "blocked");
  await faults({ events: "500" });
  await send(tab);
  await tab.waitForFunction(() => /(réessayez|again)/.test(document.querySelector(".rempart-panel .rempart-status").textContent));
  await faults({});
  await stop(tab, "failed");
  await tab.click(".rempart-details");
  await stop(tab, "details");
  await tab.click(".rempart-dialog .rempart-close");
  await tab.click(".rempart-panel .rempart-refuse");
  await stop(tab, "refused");
  await tab.reload();
  await tab.waitForSelector(".rempart-launcher");
  await tab.evaluate(() => window.rempart.trigger("returns"));
  await inState(tab, "pending-trigger");
  await stop(tab, "trigger");
  await tab.click(".rempart-panel .rempart-refuse");
  await send(tab, "Bonjour, où est ma commande ? Je l'attends depuis mardi, et le suivi dit qu'elle est partie.");
  await tab.waitForFunction(() => document.querySelectorAll(".rempart-theirs").length === 2);
  await stop(tab, "accepted");
  await tab.click(".rempart-choices");
  await stop(tab, "choices");
  await tab.click(".rempart-withdraw");
  await inState(tab, "withdrawn");
  await stop(tab, "withdrawn");
  await tab.close();
};

// others are what a visitor sees of sites whose policies differ, and after a change.
const others = async (context, query, stop) => {
  const open = async (site) => {
    const tab = await visit(context, site, "plain", query);
    await openPanel(tab);
    return tab;
  };
  let tab = await open("young");
  await stop(tab, "age");
  await tab.click(".rempart-panel .rempart-accept");
  await said(tab);
  await stop(tab, "age-missing");
  await tab.check(".rempart-panel input");
  await accept(tab);
  await tab.click(".rempart-choices");
  await tab.waitForSelector(".rempart-dialog[open]");
  await stop(tab, "age-choices");
  await tab.close();

  tab = await open("ephemeral");
  await tab.click(".rempart-panel .rempart-refuse");
  await inState(tab, "refused");
  await stop(tab, "ephemeral");
  await send(tab, "Bonjour, où est ma commande ?");
  await mine(tab).waitFor();
  await stop(tab, "ephemeral-sent");
  await tab.close();

  // Whoever accepted other words than those of now, or too long ago.
  tab = await open("shop");
  await accept(tab);
  for (const [name, old] of Object.entries({ stale: { n: "0".repeat(16) }, expired: { e: Math.floor(Date.now() / 1000) - 1 } })) {
    await tab.evaluate((o) => localStorage.setItem("rempart:shop", JSON.stringify({ ...JSON.parse(localStorage.getItem("rempart:shop")), ...o })), old);
    await tab.reload();
    await tab.waitForSelector(".rempart-launcher");
    await openPanel(tab);
    assert.equal(await stateOf(tab), "stale");
    await stop(tab, name);
    await accept(tab);
  }
};

for (const lang of ["fr", "en"]) {
  for (const colorScheme of ["light", "dark"]) {
    for (const [size, viewport] of Object.entries({ desktop: { width: 1280, height: 800 }, phone: { width: 320, height: 640 } })) {
      test("T21", `axe finds nothing: ${lang}, ${colorScheme}, ${size}`, async () => {
        const pictured = new Set();
        const stop = async (tab, name) => {
          pictured.add(await stateOf(tab));
          await judge(tab, `${lang}-${colorScheme}-${size}-${name}`);
        };
        for (const walk of [states, others]) await walk(await visitor({ colorScheme, viewport }), `?lang=${lang}`, stop);
        assert.deepEqual([...pictured].sort(), ["accepted", "dormant", "noticed", "pending-trigger", "refused", "stale", "withdrawn"]);
      });
    }
  }
}

for (const [size, viewport] of Object.entries({ desktop: { width: 1280, height: 800 }, phone: { width: 320, height: 640 } })) {
  test("T21", `from right to left all is mirrored, and axe finds nothing: ${size}`, async () => {
    // The page of the phone is written from left to right.
    const tab = await visit(await visitor({ viewport }), "arabic", "plain", size === "desktop" ? "?lang=ar" : "");
    const box = (name) => tab.locator(name).boundingBox();
    const aside = (one) => assert.equal(Math.round(one.x), 8, "at the left edge, where lines end");
    aside(await box(".rempart-launcher"));
    await openPanel(tab);
    await judge(tab, `ar-${size}-noticed`);
    aside(await box(".rempart-panel"));
    for (const name of [".rempart-panel", "#rempart-consent-banner"]) {
      assert.equal(await tab.locator(name).evaluate((element) => getComputedStyle(element).direction), "rtl", name);
    }
    const rightOf = async (one, other) => assert.ok((await box(one)).x > (await box(other)).x, `${one} is right of ${other}`);
    await rightOf(".rempart-head .rempart-title", ".rempart-close");
    await rightOf(".rempart-panel .rempart-accept", ".rempart-panel .rempart-refuse");
    await tab.evaluate(() => window.rempart.trigger("returns"));
    await inState(tab, "pending-trigger");
    await judge(tab, `ar-${size}-trigger`);
    await accept(tab);
    await send(tab, "أين طلبي؟ كتبت Bonjour قبل يومين.");
    await tab.waitForFunction(() => document.querySelectorAll(".rempart-theirs").length === 3);
    await judge(tab, `ar-${size}-accepted`);
    await tab.click(".rempart-choices");
    await judge(tab, `ar-${size}-choices`);
    aside(await box(".rempart-dialog"));
    await rightOf(".rempart-box", ".rempart-save");
  });
}

const focused = (tab) => tab.evaluate(() => document.activeElement.className.split(" ").pop());
const press = async (tab, key, times = 1) => { for (let i = 0; i < times; i++) await tab.keyboard.press(key); };

test("T21", "with a keyboard alone: order of focus, sending, choices, withdrawal", async () => {
  const tab = await visit(await visitor());
  await press(tab, "Tab");
  assert.equal(await focused(tab), "rempart-launcher", "the launcher comes early");
  await press(tab, "Enter");
  await tab.waitForSelector(".rempart-accept");
  await tab.waitForFunction(() => document.activeElement.className === "rempart-panel");
  const order = [];
  for (let i = 0; i < 9; i++) {
    await press(tab, "Tab");
    order.push(await focused(tab));
  }
  assert.deepEqual(order, ["rempart-choices", "rempart-close", "rempart-accept", "rempart-refuse", "rempart-details", "rempart-link", "rempart-link",
    "rempart-area", "rempart-send"]);
  await press(tab, "Escape");
  assert.equal(await focused(tab), "rempart-launcher");
  assert.equal(await stateOf(tab), "noticed");
  await press(tab, "Enter");
  await tab.waitForFunction(() => document.activeElement.className === "rempart-panel");
  await drawn(tab);
  await press(tab, "Tab", 3);
  assert.equal(await focused(tab), "rempart-accept");
  await press(tab, "Enter");
  await inState(tab, "accepted");
  assert.equal(await focused(tab), "rempart-area", "after a choice the focus is in the composer");
  await tab.keyboard.type("Bonjour");
  await press(tab, "Enter");
  await mine(tab).waitFor();
  await press(tab, "Escape");
  await press(tab, "Enter");
  await tab.waitForFunction(() => document.activeElement.className === "rempart-area");
  await tab.focus(".rempart-choices");
  await press(tab, "Enter");
  await tab.waitForSelector(".rempart-dialog[open]");
  assert.equal(await focused(tab), "rempart-title", "the dialog is read from its beginning");
  await press(tab, "Escape");
  await tab.waitForSelector(".rempart-dialog", { state: "detached" });
  assert.equal(await focused(tab), "rempart-choices");
  assert.equal(await stateOf(tab), "accepted", "Escape is no choice");
  await press(tab, "Enter");
  await tab.focus(".rempart-withdraw");
  await press(tab, "Enter");
  await inState(tab, "withdrawn");
});

test("T21", "accept and refuse are alike, focus is seen and never hidden, and nothing moves at load", async () => {
  const context = await visitor({ viewport: { width: 360, height: 400 } }, () => {
    window.shifts = 0;
    new PerformanceObserver((list) => list.getEntries().forEach((e) => (window.shifts += e.value))).observe({ type: "layout-shift", buffered: true });
  });
  const tab = await visit(context);
  assert.equal(await tab.evaluate(() => window.shifts), 0);
  assert.equal(await tab.evaluate(() => document.activeElement === document.body), true);
  // 2.4.11: each element that gets the focus is at least partly in view.
  const hidden = await tab.evaluate(() => {
    const found = [];
    for (const element of document.querySelectorAll("a, button")) {
      element.focus();
      const box = element.getBoundingClientRect();
      const seen = [0.02, 0.25, 0.5, 0.75, 0.98].some((f) =>
        [0.1, 0.5, 0.9].some((g) => element.contains(document.elementFromPoint(box.left + box.width * f, box.top + box.height * g))));
      if (!seen) found.push(element.textContent);
    }
    return found;
  });
  assert.deepEqual(hidden, []);
  await tab.setViewportSize({ width: 1000, height: 800 });
  await openPanel(tab);
  const [a, r] = await tab.evaluate(() =>
    ["accept", "refuse"].map((name) => {
      const element = document.querySelector(".rempart-panel .rempart-" + name);
      const { color, backgroundColor, fontSize, fontWeight, borderColor, textDecoration } = getComputedStyle(element);
      const { width, height } = element.getBoundingClientRect();
      return { color, backgroundColor, fontSize, fontWeight, borderColor, textDecoration, width: Math.round(width), height };
    }));
  assert.deepEqual(a, r);
  // also where the words of one take more lines
  await tab.setViewportSize({ width: 320, height: 640 });
  await tab.evaluate(() => window.rempart.trigger("returns"));
  await inState(tab, "pending-trigger");
  const [start, no] = await tab.locator(".rempart-panel .rempart-buttons button").evaluateAll((all) => all.map((one) => one.getBoundingClientRect().height));
  assert.equal(start, no, "accept and refuse have one size");
  await tab.setViewportSize({ width: 1000, height: 800 });
  for (const name of ["accept", "refuse", "details", "area", "send", "choices", "close"]) {
    await tab.keyboard.press("Shift");
    await tab.focus(".rempart-panel .rempart-" + name);
    const outline = await tab.evaluate(() => getComputedStyle(document.activeElement).outline);
    assert.match(outline, /solid 3px/, name);
  }
});

test("T21", "at 400 % zoom, with wide text spacing and in forced colours everything can be reached", async () => {
  const spaced = "* { line-height: 1.5 !important; letter-spacing: 0.12em !important; word-spacing: 0.16em !important } p { margin-bottom: 2em !important }";
  for (const [name, options] of Object.entries({
    zoom: { viewport: { width: 320, height: 256 } },
    forced: { forcedColors: "active", viewport: { width: 640, height: 480 } },
    large: { viewport: { width: 640, height: 400 }, deviceScaleFactor: 2 },
  })) {
    const tab = await visit(await visitor({ reducedMotion: "reduce", ...options }));
    await tab.addStyleTag({ content: spaced });
    await openPanel(tab);
    await tab.screenshot({ path: `${out}${name}-noticed.png` });
    await measure(tab, name);
    for (const control of ["choices", "close", "accept", "refuse", "details", "area", "send"]) {
      await tab.locator(".rempart-panel .rempart-" + control).click({ trial: true });
    }
    assert.equal(await tab.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true, "no scrolling to the side");
    await tab.click(".rempart-panel .rempart-details");
    await tab.screenshot({ path: `${out}${name}-details.png` });
    await measure(tab, name);
    await tab.click(".rempart-dialog .rempart-close");
    await accept(tab);
    await send(tab, "Bonjour");
    await mine(tab).waitFor();
    await tab.screenshot({ path: `${out}${name}-accepted.png` });
    await tab.context().close();
  }
});

const hostile = `
  * { all: unset }
  body { display: block }
  div, p, button { position: relative }
  button { width: 5px; height: 5px; font-size: 3px; opacity: 0.2; display: none }
  main ~ * button:hover, button:hover { color: rgb(1, 2, 3); background: rgb(4, 5, 6) }
  textarea { display: none }
  .overlay { display: block; position: fixed; inset: 0; z-index: 2147483647; background: rgb(200, 0, 0) }
`;

test("T24", "hostile style sheets leave the buttons usable", async () => {
  const since = await mark();
  const tab = await visit(await visitor({}, collectEvents));
  await tab.addStyleTag({ content: hostile });
  await openPanel(tab);
  await tab.evaluate(() => document.body.append(Object.assign(document.createElement("div"), { className: "overlay" })));
  await tab.screenshot({ path: `${out}hostile-noticed.png` });
  for (const name of ["accept", "refuse", "details", "choices", "close", "send"]) {
    const button = tab.locator(".rempart-panel .rempart-" + name);
    const colours = () => button.evaluate((element) => [getComputedStyle(element).color, getComputedStyle(element).backgroundColor]);
    await tab.mouse.move(1, 1);
    const before = await colours();
    await button.hover();
    assert.deepEqual(await colours(), before, name + " under the pointer");
  }
  await send(tab, "Bonjour");
  await mine(tab).waitFor();
  assert.equal((await since.ledger()).length, 2);
  await tab.click(".rempart-choices");
  await tab.screenshot({ path: `${out}hostile-choices.png` });
  await measure(tab, "hostile");
  await tab.click(".rempart-dialog .rempart-withdraw");
  await inState(tab, "withdrawn");
  await tab.click(".rempart-panel .rempart-refuse");
  await inState(tab, "refused");
});

// started runs the script in a page of its own, which has loaded, and returns how long that took: by the clock, and of the processor's
// time, in milliseconds, the latter with what is drawn at once; and the long tasks since then, of more than 50 ms.
const started = async (context, code) => {
  const tab = await context.newPage();
  await tab.goto(url("shop", "plain"));
  const devtools = await context.newCDPSession(tab);
  await devtools.send("Performance.enable");
  const used = async () => (await devtools.send("Performance.getMetrics")).metrics.find((one) => one.name === "ThreadTime").value * 1000;
  const run = async (source) => {
    const before = await used();
    const wall = await tab.evaluate((text) => {
      window.rempartQueue = [["init", {}]];
      window.began = performance.now();
      (0, eval)(text);
      return performance.now() - window.began;
    }, source);
    return { wall, processor: (await used()) - before };
  };
  await run("0");
  const asking = await run(" ".repeat(code.length)); // what it takes to be asked
  const { wall, processor } = await run(code);
  await tab.waitForSelector(".rempart-launcher");
  await drawn(tab);
  const long = await tab.evaluate(() => window.longTasks.filter((task) => task.startTime + task.duration > window.began).map((task) => task.duration));
  await tab.close();
  return { wall, processor: processor - asking.processor, long };
};

test("T22", "what the script weighs, and how long it takes to start", async () => {
  const context = await visitor({}, () => {
    window.longTasks = [];
    new PerformanceObserver((list) => window.longTasks.push(...list.getEntries())).observe({ type: "longtask", buffered: true });
  });
  await context.route("**/widget.*.js", (route) => route.abort());
  const [, address] = /src="([^"]+)"/.exec(await (await fetch(url("shop", "plain"))).text());
  const code = await (await fetch(address)).text();
  // With the addresses of a real site: the ports of this run would make it some bytes more or less.
  const real = code.replaceAll(SERVICE, "https://consent.shop.example").replaceAll(PAGES, "https://shop.example");
  const weight = gzipSync(real, { level: 9 }).length;
  assert.ok(weight <= 6 << 10, `${weight} bytes after gzip -9`);
  const starts = [];
  for (let i = 0; i < 5; i++) starts.push(await started(context, code));
  const spread = (what) => {
    const [least, ...more] = starts.map((one) => one[what]).sort((a, b) => a - b).map((time) => time.toFixed(1));
    return `${more[1]} ms (${least} to ${more.at(-1)})`;
  };
  // Observations: what a busy machine takes is no fault of the script.
  const long = starts.flatMap((one) => one.long).map((time) => Math.round(time));
  return `${weight} bytes after gzip -9; started in ${spread("wall")}, ${spread("processor")} of the processor; long tasks: ${long.join(", ") || "none"}`;
});
