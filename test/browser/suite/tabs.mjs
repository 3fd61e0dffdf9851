// T14 again: the other tabs of a visitor, and pages that are left at once.
import {
  accept, assert, collectEvents, device, eventsOf, faults, inState, mark, mine, openPanel, send, stateOf, test, until, visit, visitor, waiting,
} from "./lib.mjs";

test("T14", "a withdrawal reaches the service though the page is left at once", async (visitor) => {
  // Held are what the browser asks first, of another origin, and at the page's own origin the withdrawal itself, until the page is gone.
  for (const [site, held] of Object.entries({ shop: "OPTIONS withdrawals", same: "withdrawals" })) {
    const since = await mark();
    const context = await visitor();
    const tab = await visit(context, site);
    await openPanel(tab);
    await accept(tab);
    await faults({ [held]: "held" });
    await tab.evaluate(() => void window.rempart.withdraw());
    await until("the withdrawal to be on its way", waiting);
    const other = await context.newPage(); // a browser without a tab would end
    await tab.close();
    await other.goto("about:blank");
    await faults({});
    await until("the withdrawal", async () => (await since.ledger()).some((e) => e.type === "consent.withdrawn"));
  }
}, { firefox: true });

test("T14", "a consent in a cookie ends in another tab once the visitor turns to it, or it is asked, or would send", async () => {
  // That a tab gets the focus is not seen in a browser without windows.
  const ways = {
    "the visitor turns to it": (tab) => tab.evaluate(() => window.dispatchEvent(new Event("focus"))),
    "its state is asked": async (tab) => assert.equal(await stateOf(tab), "withdrawn"),
    "it would send": async (tab) => {
      await tab.evaluate(() => document.querySelector(".rempart-send").focus()); // which gives the window no focus
      await tab.keyboard.press("Enter");
      await tab.waitForFunction(() => window.events.some((event) => event.type === "send-blocked"));
    },
    "a chat of the page asks": (tab) => tab.evaluate(() => void window.rempart.ensure("conversation")),
  };
  for (const [way, go] of Object.entries(ways)) {
    const since = await mark();
    const context = await visitor({}, collectEvents);
    const tab = await visit(context, "cookie");
    await openPanel(tab);
    await accept(tab);
    const other = await visit(context, "cookie");
    await openPanel(other);
    await other.fill(".rempart-area", "Bonjour");
    await tab.evaluate(() => window.rempart.withdraw());
    await inState(tab, "withdrawn");
    assert.deepEqual(await eventsOf(other, "withdrawn"), [], "something else has it look");
    await go(other);
    await other.waitForFunction(() => "withdrawn" in window.causes);
    assert.equal(await other.evaluate(() => window.causes.withdrawn), way === "the visitor turns to it" ? "focus" : "", way);
    assert.deepEqual((await since.requests()).filter((r) => r.path === "/messages"), [], way);
    assert.equal(await other.inputValue(".rempart-area"), "Bonjour", way);
    await context.close();
  }
});

test("T19", "an acceptance in another tab is found at the next act, in a cookie as elsewhere, and makes no second event", async () => {
  for (const site of ["shop", "cookie"]) {
    const since = await mark();
    const context = await visitor({}, collectEvents);
    const [tab, other] = [await visit(context, site), await visit(context, site)];
    await openPanel(tab);
    await openPanel(other);
    await accept(tab);
    if (site === "shop") {
      await other.waitForFunction(() => "accepted" in window.causes);
      assert.equal(await other.evaluate(() => window.causes.accepted), "storage");
    } else {
      assert.equal(await other.isVisible("#rempart-consent-banner"), true, "something has it look");
    }
    await send(other, "Bonjour");
    await mine(other).waitFor();
    assert.equal((await since.ledger()).length, 2, site);
    assert.deepEqual((await device(tab)).local.map(([key]) => key).sort(), site === "shop" ? ["rempart:shop", "rempart:shop:s"] : ["rempart:cookie:s"]);
    await context.close();
  }
});
