import { asserted, seconds } from "./config.js";
import { accept, refusalLife } from "./consent.js";
import { fault } from "./events.js";
import { load, marker, state } from "./machine.js";
import { needNotice } from "./view.js";

// The site may say that its own banner collected the consent. That is recorded as the site's word, never as an act here.

// received: true and the string "true", whatever its case; nothing else.
const received = (value) => value === true || /^true$/i.test(value?.trim?.());

export const assert = async ({ purposes, evidence, assertedAt } = {}) => {
  load();
  if (state === "accepted") return;
  if (!asserted[0]) return fault("assertion-refused");
  // The site's word must be newer than what the visitor last said here: a "true" that stands in the page for ever must not
  // undo a withdrawal, a refusal, or the end of a consent.
  const at = new Date(assertedAt) / 1000;
  const outdated = () =>
    marker && !(at > (marker.t || marker.e - refusalLife) && at < seconds() + 300) && !fault("assertion-" + (marker.w ? "after-withdrawal" : "outdated"));
  if (outdated()) return;
  try {
    if (await needNotice())
      await accept(
        asserted.filter((name) => !purposes || purposes.includes(name)),
        "asserted-by-site",
        {}, // nothing was shown here
        { evidence, occurredAt: new Date(assertedAt || Date.now()) },
        outdated, // by what another tab did while the words came
      );
  } catch {
    fault("assertion");
  }
};

// heed looks at the consentReceived that init was given, and takes the tag <meta name="rempart-consent-received" content="true">
// whenever it comes, until acceptance.
export const heed = (options) => {
  const said = options.consentReceived;
  if (received(said)) assert(options);
  else if (said !== undefined) console.warn("rempart: not received");
  const look = () => {
    const meta = document.querySelector("meta[name=rempart-consent-received]");
    const is = received(meta?.content);
    if (is || state === "accepted") observer.disconnect();
    if (is) assert(meta.dataset);
  };
  const observer = new MutationObserver(look);
  observer.observe(document.head, { childList: true, subtree: true, attributes: true });
  look();
};
