// T26: the page of a person, by the secret of a receipt and by a mailed link. Most of it runs without JavaScript: the page has none.
// Pictures of each state go to out/.
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { accept, assert, browser, device, link, mark, openPanel, PAGES, SERVICE, test, until as wait, visit, visitor, wishes } from "./lib.mjs";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const out = new URL("../out/", import.meta.url).pathname;
mkdirSync(out, { recursive: true });

const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
const languages = ["ar", "de", "en", "es", "fr", "it", "nl", "pl", "pt"];

// receipt is the secret of a visitor of a site who accepted purposes as the widget has it recorded. Erasure is asked for ten times at once
// from one network, so that tests take sites of their own.
const receipt = async (site, purposes = ["conversation", "newsletter"]) => {
  const secret = Buffer.from(crypto.getRandomValues(new Uint8Array(16))).toString("base64url");
  const notice = await (await fetch(`${SERVICE}/w/${site}/notice.fr.json`)).json();
  for (const purpose of purposes) {
    const response = await fetch(`${SERVICE}/v1/sites/${site}/events`, {
      method: "POST",
      headers: { Origin: PAGES, Authorization: "Bearer " + secret, "Content-Type": "application/json", "Idempotency-Key": purpose },
      body: JSON.stringify({ noticeToken: notice.token, acts: [{ purpose, decision: "granted" }], method: purpose === "newsletter" ? "checkbox" : "button",
        ui: { shownMs: 900, visible: true }, occurredAt: new Date(), gpc: false }),
    });
    assert.equal(response.status, 201, await response.text());
  }
  return secret;
};

// person is somebody new; without scripts unless the test needs its own.
const person = async (options = {}) => {
  const context = await browser.newContext({ locale: "fr-FR", viewport: { width: 1000, height: 800 }, javaScriptEnabled: false, ...options });
  context.setDefaultTimeout(60000);
  return context;
};

// sent waits for the page that a form leads to.
const sent = (tab, act) => Promise.all([tab.waitForEvent("load"), act()]);
const press = (tab, action) => sent(tab, () => tab.locator(`button[value=${action}]`).click());

// enter pastes a secret into the form of the page.
const enter = async (context, site, secret, lang = "fr") => {
  const tab = await context.newPage();
  await tab.goto(`${SERVICE}/me/${site}?lang=${lang}`);
  await tab.locator("input[name=secret]").fill(secret);
  await press(tab, "see");
  return tab;
};

const message = (tab) => tab.locator("#message").textContent();

// judge has axe look at a page, measures what axe does not, and takes a picture.
const judge = async (tab, name) => {
  await tab.screenshot({ path: `${out}me-${name}.png`, fullPage: true });
  await tab.evaluate(axe);
  const { violations } = await tab.evaluate((values) => window.axe.run(document, { runOnly: { type: "tag", values } }), tags);
  assert.deepEqual(violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.target + " " + n.failureSummary).join("; ")}`), [], name);
  const found = await tab.evaluate(() => {
    const faults = [];
    if (document.documentElement.scrollWidth > innerWidth) faults.push("scrolls to the side");
    for (const element of document.querySelectorAll("button, summary, input:not([type=hidden]), a")) {
      const box = element.getBoundingClientRect();
      const least = element.tagName === "INPUT" && element.type === "checkbox" ? 24 : 44;
      if (box.width && (box.height < least || box.width < 24)) faults.push(`${element.tagName} ${element.textContent.slice(0, 20)}: ${box.width}x${box.height}`);
    }
    return faults;
  });
  assert.deepEqual(found, [], name);
};

// states walks through what a person can see, and stops at each. No two in turn look alike: the walk would have missed one.
const states = async (context, site, lang, judged) => {
  const tab = await enter(context, site, "no secret", lang);
  let before;
  const stop = async (name) => {
    const words = await tab.locator("body").innerText();
    assert.notEqual(words, before, `${name} looks like the state before it`);
    before = words;
    await judged(tab, name);
  };
  await stop("malformed");
  await tab.locator("input[name=secret]").fill("A".repeat(22));
  await press(tab, "see");
  await stop("nothing");
  await tab.goto(`${SERVICE}/me/${site}?lang=${lang}`);
  await stop("forms");
  await tab.locator("input[name=secret]").fill(await receipt(site));
  await press(tab, "see");
  for (const details of await tab.locator("summary").all()) await details.click();
  await stop("choices");
  await tab.locator("input[value=newsletter]").check();
  await press(tab, "withdraw");
  await stop("withdrawn");
  await tab.locator("input[name=email]").fill("somebody@example.eu");
  await press(tab, "erase");
  await stop("mismatch");
  await tab.locator("input[name=email]").fill("");
  await press(tab, "erase");
  await stop("asked");
  for (const [kind, purpose] of [["view", ""], ["confirm", "newsletter"], ["withdraw", ""]]) {
    await tab.goto((await link(site, kind, purpose)) + "&lang=" + lang);
    await stop("link-" + kind);
  }
  await press(tab, "withdraw");
  await stop("link-done");
};

for (const lang of ["fr", "en"]) {
  for (const colorScheme of ["light", "dark"]) {
    for (const [size, viewport] of Object.entries({ desktop: { width: 1280, height: 800 }, phone: { width: 320, height: 640 } })) {
      test("T26", `axe finds nothing on the page of a person: ${lang}, ${colorScheme}, ${size}`, async () => {
        const context = await person({ colorScheme, viewport, javaScriptEnabled: true, bypassCSP: true }); // axe is a script
        await states(context, lang === "fr" ? "explicit" : "tab", lang, (tab, name) => judge(tab, `${lang}-${colorScheme}-${size}-${name}`));
      });
    }
  }
}

test("T26", "axe finds nothing in any language of the page, also where the notice is in another", async () => {
  const context = await person({ viewport: { width: 320, height: 640 }, javaScriptEnabled: true, bypassCSP: true });
  const secret = await receipt("explicit");
  for (const lang of languages) {
    const tab = await enter(context, "explicit", secret, lang);
    assert.equal(await tab.locator("html").getAttribute("lang"), lang);
    assert.equal(await tab.evaluate(() => getComputedStyle(document.querySelector("h1")).direction), lang === "ar" ? "rtl" : "ltr");
    await tab.locator("summary").first().click();
    await judge(tab, `${lang}-language`);
    await tab.close();
  }
});

const focused = (tab) => tab.evaluate(() => document.activeElement.name || document.activeElement.tagName);
const key = async (tab, name, times = 1) => { for (let i = 0; i < times; i++) await tab.keyboard.press(name); };

// until presses Tab until a control has the focus, which is in view and has an outline.
const until = async (tab, wanted) => {
  for (let i = 0; i < 40; i++) {
    await key(tab, "Tab");
    const at = await tab.evaluate(() => {
      const { value, name, tagName } = document.activeElement;
      const box = document.activeElement.getBoundingClientRect();
      return { is: tagName === "BUTTON" ? value : name || tagName, seen: box.bottom > 0 && box.top < innerHeight, outline: getComputedStyle(document.activeElement).outlineStyle };
    });
    assert.equal(at.seen, true, at.is + " has the focus out of view");
    if (at.is !== "BODY") assert.notEqual(at.outline, "none", at.is + " has no outline");
    if (at.is === wanted) return;
  }
  assert.fail(`Tab never comes to ${wanted}; it is at ${await focused(tab)}`);
};

test("T26", "with a keyboard alone: see, read the words, withdraw, take, ask for erasure", async () => {
  const context = await person({ acceptDownloads: true });
  const tab = await context.newPage();
  const secret = await receipt("lazy");
  await tab.goto(`${SERVICE}/me/lazy?lang=en`);
  await until(tab, "secret");
  await tab.keyboard.type(secret);
  await sent(tab, () => key(tab, "Enter"));
  assert.equal(await tab.getByRole("heading", { name: "Your choices" }).count(), 1);
  await until(tab, "SUMMARY");
  await key(tab, "Enter");
  assert.equal(await tab.locator("details").first().getAttribute("open"), "");
  await until(tab, "purpose");
  await until(tab, "purpose");
  await key(tab, "Space");
  await until(tab, "withdraw");
  await sent(tab, () => key(tab, "Enter"));
  assert.match(await message(tab), /has been withdrawn/);
  assert.equal(await tab.getByText("Refused or withdrawn on").count(), 1);
  for (const [action, file, inside] of [["export", "consent.json", /dpv:ConsentWithdrawn/], ["receipts", "consent-receipts.json", /KI-CR-v1\.1\.0/]]) {
    await until(tab, action);
    const [download] = await Promise.all([tab.waitForEvent("download"), key(tab, "Enter")]);
    assert.equal(download.suggestedFilename(), file);
    assert.match(readFileSync(await download.path(), "utf8"), inside);
  }
  const before = await wishes("lazy");
  await until(tab, "erase");
  await sent(tab, () => key(tab, "Space"));
  assert.match(await message(tab), /request for erasure has been recorded/);
  assert.equal(await wishes("lazy"), before + 1);
  assert.equal(await tab.locator("button[value=erase]").count(), 0, "one wish at a time");
});

test("T26", "in forced colours, at 200 % and 400 % zoom and with wide text spacing all is there", async () => {
  const spaced = "* { line-height: 1.5 !important; letter-spacing: 0.12em !important; word-spacing: 0.16em !important } p { margin-bottom: 2em !important }";
  const secret = await receipt("remember");
  for (const [name, options] of Object.entries({
    forced: { forcedColors: "active" },
    "forced-dark": { forcedColors: "active", colorScheme: "dark" },
    "zoom-200": { viewport: { width: 640, height: 400 }, deviceScaleFactor: 2 },
    "zoom-400": { viewport: { width: 320, height: 256 }, deviceScaleFactor: 4 },
  })) {
    const context = await person({ javaScriptEnabled: true, bypassCSP: true, ...options });
    const tab = await enter(context, "remember", secret, "de");
    await tab.addStyleTag({ content: spaced });
    await tab.locator("summary").first().click();
    await judge(tab, name);
    for (const control of ["withdraw", "withdraw-all", "export", "receipts", "erase"]) await tab.locator(`button[value=${control}]`).click({ trial: true });
    const same = await tab.locator("button").evaluateAll((all) => new Set(all.map((one) => getComputedStyle(one).borderStyle + getComputedStyle(one).color)).size);
    assert.equal(same, 1, "buttons look alike");
    await context.close();
  }
});

test("T26", "the page keeps to its own policy, stores nothing, asks nobody, and the secret is in no address", async () => {
  const since = await mark();
  const context = await person({ javaScriptEnabled: true });
  await context.addInitScript(() => {
    window.violations = [];
    document.addEventListener("securitypolicyviolation", (event) => window.violations.push(`${event.violatedDirective} ${event.sample}`));
  });
  const hosts = new Set();
  context.on("request", (request) => hosts.add(new URL(request.url()).origin));
  const secret = await receipt("ephemeral");
  const tab = await enter(context, "ephemeral", secret);
  const clean = async (when) => {
    assert.deepEqual(await tab.evaluate(() => window.violations), [], when);
    assert.deepEqual(await device(tab), {}, when);
    assert.equal(tab.url(), `${SERVICE}/me/ephemeral`, when);
    assert.equal(await tab.evaluate(() => getComputedStyle(document.body).maxWidth), "704px", "its style sheet is not in use");
    assert.equal(await tab.evaluate(() => document.scripts.length), 0);
  };
  await clean("choices");
  await press(tab, "withdraw-all");
  await clean("withdrawn");
  await press(tab, "erase");
  await clean("asked");
  assert.deepEqual([...hosts], [SERVICE]);
  const asked = (await since.requests()).filter((request) => request.path.startsWith("/me/"));
  assert.equal(asked.length, 4);
  for (const request of asked) {
    assert.equal(request.cookie + request.referrer + request.setCookie + request.bearer, "");
    assert.equal((request.path + request.query).includes(secret), false);
  }
  // Who goes back is asked whether to send the form again: the browser kept nothing of the page.
  await assert.rejects(tab.goBack(), /ERR_CACHE_MISS/);
});

test("T26", "a page of the site hands the receipt over by a form, and what it opens holds no handle to it", async () => {
  const since = await mark();
  const shop = await visit(await visitor(), "shop");
  await openPanel(shop);
  await accept(shop);
  const [opened] = await Promise.all([
    shop.context().waitForEvent("page"),
    shop.evaluate((service) => {
      const form = Object.assign(document.createElement("form"), { method: "post", action: service + "/me/shop", target: "_blank", rel: "noopener noreferrer" });
      for (const [name, value] of Object.entries({ secret: localStorage.getItem("rempart:shop"), lang: "en" })) {
        form.append(Object.assign(document.createElement("input"), { type: "hidden", name, value }));
      }
      document.body.append(form);
      form.submit();
    }, SERVICE),
  ]);
  await opened.getByText("Accepted on").first().waitFor();
  assert.equal(await opened.evaluate(() => window.opener), null);
  assert.equal(opened.url(), `${SERVICE}/me/shop`);
  const request = (await since.requests()).find((one) => one.path === "/me/shop");
  assert.equal(request.referrer + request.cookie + request.query, "");
  await press(opened, "withdraw-all");
  assert.match(await message(opened), /has been withdrawn/);
});

test("T26", "the widget leads there: the dialog of choices hands the receipt over, and keeps it in no element", async (visitor) => {
  const since = await mark();
  const shop = await visit(await visitor());
  const choices = async (tab) => {
    await tab.click(".rempart-choices");
    await tab.waitForSelector(".rempart-dialog");
  };
  await openPanel(shop);
  await choices(shop);
  assert.equal(await shop.locator(".rempart-page").count(), 0, "who accepted nothing has no page");
  await shop.click(".rempart-dialog .rempart-close");
  await accept(shop);
  await choices(shop);
  assert.equal(await shop.textContent(".rempart-page"), "Ce qui est enregistré sur moi");
  assert.equal(await shop.getAttribute("a.rempart-link", "rel"), "noreferrer");
  await shop.click(".rempart-page");
  const request = await wait("the visitor's page", async () => (await since.requests()).find((one) => one.path === "/me/shop"));
  const { k } = JSON.parse(await shop.evaluate(() => localStorage.getItem("rempart:shop")));
  assert.equal(request.method, "POST");
  assert.equal(request.body, "secret=" + k);
  assert.equal(request.query, "lang=fr");
  assert.equal(request.referrer + request.cookie, "");
  assert.equal(await shop.evaluate(() => document.querySelectorAll("form").length), 0, "the secret stays in the page of the site");
  assert.deepEqual(shop.faults, []);

  // Where a record is linked to nothing there is no secret, and no such page.
  const alone = await visit(await visitor(), "aggregate");
  await openPanel(alone);
  await accept(alone);
  await choices(alone);
  assert.equal(await alone.locator(".rempart-page").count(), 0);
}, { firefox: true });

test("T26", "what the widget opens is the page of who asked, without a handle to the page of the site", async () => {
  const context = await visitor();
  const shop = await visit(context);
  await openPanel(shop);
  await accept(shop);
  await shop.click(".rempart-choices");
  const [opened] = await Promise.all([context.waitForEvent("page"), shop.click(".rempart-page")]);
  await opened.getByText("Accepté le").first().waitFor();
  assert.equal(await opened.evaluate(() => window.opener), null);
  await press(opened, "withdraw-all");
  assert.match(await message(opened), /retir/);
});
