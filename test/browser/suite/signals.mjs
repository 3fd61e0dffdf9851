// T11 to T13: what a site's own banner can say.
import { assert, collectEvents, device, eventsOf, inState, mark, openPanel, PAGES, stateOf, test, untouched, visit, visitor } from "./lib.mjs";

// asked is a visitor whose pages put an init with these options into the queue.
const asked = (options) =>
  visitor({}, {
    fn: ({ options }) => {
      window.warnings = [];
      console.warn = (...words) => window.warnings.push(words.join(" "));
      window.rempartQueue = [["init", options]];
    },
    argument: { options },
  });

const ready = (tab) => tab.waitForFunction(() => window.rempart.state && document.querySelector(".rempart-launcher"));
const asserted = [["terms.accepted", "conversation", "granted", "asserted-by-site"]];
const row = (e) => [e.type, e.purpose, e.decision, e.method];

test("T11", "consentReceived is true or \"true\", and nothing else", async () => {
  for (const value of [true, "true", " TRUE ", "True"]) {
    const since = await mark();
    const tab = await visit(await asked({ site: "shop", consentReceived: value, evidence: "banner-7" }), "shop", "queue");
    await inState(tab, "accepted");
    const entries = await since.ledger();
    assert.deepEqual(entries.map(row), asserted, JSON.stringify(value));
    const acts = await since.acts();
    assert.deepEqual(acts.map((a) => [a.evidence, a.ui]), [["banner-7", {}]]);
    assert.deepEqual(await tab.evaluate(() => window.warnings), []);
    await tab.context().close();
  }
  for (const value of ["false", "0", 0, 1, "yes", "", null, {}, [], [true], "true true"]) {
    const since = await mark();
    const tab = await visit(await asked({ site: "shop", consentReceived: value }), "shop", "queue");
    await ready(tab);
    assert.equal(await stateOf(tab), "dormant", JSON.stringify(value));
    const warnings = await tab.evaluate(() => window.warnings);
    assert.equal(warnings.length, 1, JSON.stringify(value));
    assert.match(warnings[0], /^rempart: /); // so that whoever reads a console knows whose it is
    await untouched(tab);
    assert.deepEqual(await since.ledger(), []);
    await tab.context().close();
  }
  const tab = await visit(await asked({ site: "shop", email: "someone@shop.example", name: "Someone" }), "shop", "queue");
  assert.equal(await stateOf(tab), "dormant");
  await untouched(tab);
});

test("T11", "a policy that takes no site's word takes none", async () => {
  const since = await mark();
  const tab = await visit(await visitor({}, collectEvents), "unasserted", "received");
  await tab.waitForFunction(() => window.events.some((event) => event.type === "error"));
  assert.deepEqual((await eventsOf(tab, "error")).map((e) => e.code), ["assertion-refused"]);
  assert.equal(await stateOf(tab), "dormant");
  assert.deepEqual(await device(tab), {});
  assert.deepEqual(await since.ledger(), []);
});

const tag = (tab) => tab.evaluate(() => (window.rempartQueue = window.rempartQueue || []).push(["consentCollected"]));
const meta = (tab) =>
  tab.evaluate(() => document.head.append(Object.assign(document.createElement("meta"), { name: "rempart-consent-received", content: "true" })));

test("T12", "the tag before, after and much later, the meta element and a call make one event each", async () => {
  const ways = {
    "tag before": async () => visit(await visitor({}, () => { window.rempartQueue = [["consentCollected"]]; })),
    "tag after": async () => { const tab = await visit(await visitor()); await tag(tab); return tab; },
    "tag ten seconds later": async () => { const tab = await visit(await visitor()); await tab.waitForTimeout(10000); await tag(tab); return tab; },
    "call": async () => { const tab = await visit(await visitor()); await tab.evaluate(() => window.rempart.consentCollected()); return tab; },
    "meta": async () => visit(await visitor(), "shop", "meta"),
    "meta later": async () => { const tab = await visit(await visitor()); await meta(tab); return tab; },
    "meta that changes": async () => {
      const tab = await visit(await visitor());
      await tab.evaluate(() => document.head.append(Object.assign(document.createElement("meta"), { name: "rempart-consent-received", content: "no" })));
      await tab.evaluate(() => (document.querySelector("meta[name=rempart-consent-received]").content = "true"));
      return tab;
    },
    "attribute": async () => visit(await visitor(), "shop", "received"),
  };
  for (const [way, go] of Object.entries(ways)) {
    const since = await mark();
    const tab = await go();
    await inState(tab, "accepted");
    assert.deepEqual((await since.ledger()).map(row), asserted, way);
    const next = await tab.context().newPage();
    await next.goto(PAGES + "/p/shop/plain.html");
    await next.waitForFunction(() => window.rempart?.state().state === "accepted");
    await openPanel(next);
    assert.equal(await next.isVisible("#rempart-consent-banner"), false, way);
    assert.equal((await since.ledger()).length, asserted.length, `${way}: the next page made another event`);
    await tab.context().close();
  }
});

test("T13", "both signals, or repeated ones, make one event", async () => {
  const since = await mark();
  const context = await visitor({}, () => { window.rempartQueue = [["consentCollected"], ["consentCollected"]]; });
  const tab = await visit(context, "shop", "received");
  await tag(tab);
  await meta(tab);
  await tab.evaluate(() => window.rempart.consentCollected());
  await inState(tab, "accepted");
  await tag(tab);
  const [other, third] = await Promise.all([visit(context, "shop", "received"), visit(context, "shop", "meta")]);
  await inState(other, "accepted");
  await inState(third, "accepted");
  assert.deepEqual((await since.ledger()).map(row), asserted);
});
