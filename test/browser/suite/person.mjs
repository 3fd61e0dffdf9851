// T26: the page of a person, by the secret of a receipt and by a mailed link. Most of it runs without JavaScript: the page has none.
// Pictures of each state go to out/.
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { assert, browser, link, mark, PAGES, SERVICE, test, wishes } from "./lib.mjs";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const out = new URL("../out/", import.meta.url).pathname;
mkdirSync(out, { recursive: true });

const site = "explicit";
const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
const languages = ["de", "en", "es", "fr", "it", "nl", "pl", "pt"];

// receipt is the secret of a visitor who accepted purposes as the widget has it recorded.
const receipt = async (purposes = ["conversation"], where = site) => {
  const secret = Buffer.from(crypto.getRandomValues(new Uint8Array(16))).toString("base64url");
  const notice = await (await fetch(`${SERVICE}/w/${where}/notice.fr.json`)).json();
  for (const purpose of purposes) {
    const response = await fetch(`${SERVICE}/v1/sites/${where}/events`, {
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
  context.setDefaultTimeout(15000);
  return context;
};

// enter pastes a secret into the form of the page.
const enter = async (context, secret, lang = "fr") => {
  const tab = await context.newPage();
  await tab.goto(`${SERVICE}/me/${site}?lang=${lang}`);
  await tab.locator("input[name=secret]").fill(secret);
  await tab.locator("button[value=see]").click();
  return tab;
};

const press = (tab, action) => tab.locator(`button[value=${action}]`).click();
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

// states walks through what a person can see, and stops at each.
const states = async (context, lang, stop) => {
  const tab = await enter(context, "no secret", lang);
  await stop(tab, "malformed");
  await tab.locator("input[name=secret]").fill("A".repeat(22));
  await press(tab, "see");
  await stop(tab, "nothing");
  await tab.goto(`${SERVICE}/me/${site}?lang=${lang}`);
  await stop(tab, "forms");
  await tab.locator("input[name=secret]").fill(await receipt(["conversation", "newsletter"]));
  await press(tab, "see");
  for (const details of await tab.locator("summary").all()) await details.click();
  await stop(tab, "choices");
  await tab.locator("input[value=newsletter]").check();
  await press(tab, "withdraw");
  await stop(tab, "withdrawn");
  await tab.locator("input[name=email]").fill("somebody@example.eu");
  await press(tab, "erase");
  await stop(tab, "mismatch");
  await press(tab, "erase");
  await stop(tab, "asked");
  for (const [kind, purpose] of [["view", ""], ["confirm", "newsletter"], ["withdraw", ""]]) {
    await tab.goto((await link(site, kind, purpose)) + "&lang=" + lang);
    await stop(tab, "link-" + kind);
  }
  await press(tab, "withdraw");
  await stop(tab, "link-done");
};

for (const lang of ["fr", "en"]) {
  for (const colorScheme of ["light", "dark"]) {
    for (const [size, viewport] of Object.entries({ desktop: { width: 1280, height: 800 }, phone: { width: 320, height: 640 } })) {
      test("T26", `axe finds nothing on the page of a person: ${lang}, ${colorScheme}, ${size}`, async () => {
        const context = await person({ colorScheme, viewport, javaScriptEnabled: true, bypassCSP: true }); // axe is a script
        await states(context, lang, (tab, name) => judge(tab, `${lang}-${colorScheme}-${size}-${name}`));
      });
    }
  }
}

test("T26", "axe finds nothing in any language of the page, also where the notice is in another", async () => {
  const context = await person({ viewport: { width: 320, height: 640 }, javaScriptEnabled: true, bypassCSP: true });
  const secret = await receipt(["conversation", "newsletter"]);
  for (const lang of languages) {
    const tab = await enter(context, secret, lang);
    assert.equal(await tab.locator("html").getAttribute("lang"), lang);
    await tab.locator("summary").first().click();
    await judge(tab, `${lang}-language`);
    await tab.close();
  }
});
