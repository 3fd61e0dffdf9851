// A small shop and two of its visitors. The shop is a server on this machine; what stands before the consent service, as an
// Ingress would, is the same server: it passes https://consent.parley.example on to the port that kubectl forwards.
// The visitors are a real Chromium. Each line that this writes is what was found, in the browser or at the shop.
//
// Environment: CHROMIUM, CONSENT (http://127.0.0.1:PORT), WIDGET and INTEGRITY (what the policy's status says of the script),
// CERTIFICATE and KEY (files), PICTURES (folder).
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { request } from "node:http";
import { createServer } from "node:https";
import { createRequire } from "node:module";

const { chromium } = createRequire(new URL("../../../test/browser/package.json", import.meta.url))("playwright-core");
const { CHROMIUM, CONSENT, WIDGET, INTEGRITY, CERTIFICATE, KEY, PICTURES } = process.env;
const tell = (line) => console.log(line);
const file = (name) => readFileSync(new URL(name, import.meta.url), "utf8").replace("WIDGET", WIDGET).replace("INTEGRITY", INTEGRITY);

// -- the shop -------------------------------------------------------------------------------------------------------

const messages = [];
const asked = [];
const types = { html: "text/html; charset=utf-8", css: "text/css", js: "text/javascript" };

const forward = (incoming, answer) => {
  asked.push(`${incoming.method} ${incoming.url}`);
  const onward = request(CONSENT + incoming.url, { method: incoming.method, headers: incoming.headers }, (response) => {
    answer.writeHead(response.statusCode, response.headers);
    response.pipe(answer);
  });
  onward.on("error", () => answer.writeHead(502).end());
  incoming.pipe(onward);
};

const shop = async (incoming, answer) => {
  if (incoming.method === "POST") {
    let body = "";
    for await (const part of incoming) body += part;
    messages.push(body);
    return answer.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify({ reply: "We do. Shall we put one aside?" }));
  }
  const name = incoming.url === "/" ? "always.html" : incoming.url.slice(1);
  if (!["always.html", "banner.html", "banner.js", "shop.css"].includes(name)) return answer.writeHead(404).end();
  answer.writeHead(200, { "Content-Type": types[name.split(".")[1]] }).end(file(name));
};

const server = createServer({ cert: readFileSync(CERTIFICATE), key: readFileSync(KEY) }, (incoming, answer) =>
  incoming.headers.host === "consent.parley.example" ? forward(incoming, answer) : shop(incoming, answer),
);
await new Promise((ready) => server.listen(0, "127.0.0.1", ready));

// -- the visitors ---------------------------------------------------------------------------------------------------

const browser = await chromium.launch({
  executablePath: CHROMIUM,
  args: ["--no-sandbox", "--disable-dev-shm-usage", `--host-resolver-rules=MAP *.parley.example:443 127.0.0.1:${server.address().port}`],
});

const visitor = async () => {
  const context = await browser.newContext({ ignoreHTTPSErrors: true, locale: "en-GB", viewport: { width: 900, height: 700 } });
  context.setDefaultTimeout(15000);
  return context;
};

const visit = async (context, path) => {
  const page = await context.newPage();
  await page.goto("https://shop.parley.example" + path);
  await page.waitForSelector(".rempart-launcher");
  return page;
};

// device is what the browser keeps for the shop.
const device = async (page) => {
  const cookies = await page.context().cookies();
  const keys = await page.evaluate(() => Object.entries({ ...localStorage, ...sessionStorage }).map(([k, v]) => `${k} (${v.length} bytes)`));
  return [...cookies.map((cookie) => `cookie ${cookie.name}`), ...keys.sort()].join(", ") || "nothing";
};

const accepted = (page) => page.waitForFunction(() => window.rempart.state().state === "accepted");
const picture = (page, name) => page.screenshot({ path: `${PICTURES}/${name}.png` });

// Case 1: the widget is always in the page.
const first = await visitor();
let page = await visit(first, "/");
await page.mouse.move(300, 300);
await page.mouse.wheel(0, 200);
tell(`Case 1, the page is open. On the device: ${await device(page)}. Asked of the service: ${asked.join(", ")}`);
assert.equal(await device(page), "nothing");
await page.click(".rempart-launcher");
await page.waitForFunction(() => document.querySelector(".rempart-choices")?.textContent);
await page.fill(".rempart-area", "Do you have it in oak?");
await picture(page, "banner-before-the-first-message");
tell(`The panel is open, a message is typed. On the device: ${await device(page)}; messages at the shop: ${messages.length}`);
assert.equal(await device(page), "nothing");
assert.equal(messages.length, 0);
await page.click(".rempart-send");
await accepted(page);
await page.waitForFunction(() => document.querySelector(".rempart-theirs"));
tell(`"Accept and send" was clicked. On the device: ${await device(page)}; messages at the shop: ${messages.length}`);
assert.equal(messages.length, 1);
await picture(page, "accepted");
await page.evaluate(() => window.rempart.withdraw());
await page.waitForFunction(() => window.rempart.state().state !== "accepted");
await page.waitForFunction(() => !JSON.parse(localStorage.getItem("rempart:shop")).q);
tell(`The visitor withdrew. On the device: ${await device(page)}`);
await first.close();

// Case 2: the shop's own banner, and the tag.
const second = await visitor();
page = await visit(second, "/banner.html");
tell(`Case 2, the shop's own banner is shown. On the device: ${await device(page)}`);
assert.equal(await device(page), "nothing");
await page.click("#agree");
await accepted(page);
tell(`"I agree" was clicked in the shop's banner, and the page carries the tag. On the device: ${await device(page)}`);
const before = asked.length;
page = await visit(second, "/");
await accepted(page);
const posts = asked.slice(before).filter((line) => line.startsWith("POST"));
tell(`On the next page, without the tag: accepted; events sent again: ${posts.length}`);
assert.equal(posts.length, 0);

await browser.close();
server.close();
