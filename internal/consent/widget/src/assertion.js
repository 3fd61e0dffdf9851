import { config, seconds } from "./config.js";
import { accept, refusalLife } from "./consent.js";
import { fault } from "./events.js";
import { load, marker, state } from "./machine.js";
import { needNotice } from "./view.js";

// The site may say that its own banner collected the consent. That is recorded as the site's word, never as an act here.

// received: true and the string "true", whatever its case; nothing else.
const received = (value) => value === true || (typeof value === "string" && value.trim().toLowerCase() === "true");

// fresh tells whether the site's word is newer than what the visitor last said here. A "true" that stands in the page for
// ever must not undo a withdrawal, a refusal, or the end of a consent.
const fresh = (assertedAt) => {
  if (!marker) return true;
  const at = new Date(assertedAt).getTime() / 1000;
  return at > (marker.t || marker.e - refusalLife) && at < seconds() + 300;
};

let asserting = false;

export const assert = async ({ purposes, evidence, assertedAt } = {}) => {
  if (!config.asserted.length) return fault("assertion-refused");
  load();
  if (asserting || state === "accepted") return;
  if (!fresh(assertedAt)) return fault(marker.w ? "assertion-after-withdrawal" : "assertion-outdated");
  asserting = true;
  try {
    if (!(await needNotice())) throw 0;
    await accept(
      config.asserted.filter((name) => !purposes || purposes.includes(name)),
      "asserted-by-site",
      { shownMs: 0, visible: false },
      {
        ...(evidence && { evidence: String(evidence).slice(0, 2048) }),
        ...(assertedAt && { occurredAt: new Date(assertedAt).toISOString() }),
      },
    );
  } catch {
    fault("assertion");
    addEventListener("online", () => assert({ purposes, evidence, assertedAt }), { once: true });
  }
  asserting = false;
};

// heed looks at the consentReceived that init was given.
export const heed = (options) => {
  const { consentReceived: value } = options;
  if (received(value)) assert(options);
  else if (value !== undefined) console.warn("rempart: consentReceived is neither true nor \"true\", so nothing was received");
};

// watchMeta takes the tag <meta name="rempart-consent-received" content="true"> whenever it comes, until acceptance.
export const watchMeta = () => {
  const observer = new MutationObserver(() => look());
  const look = () => {
    const meta = document.querySelector('meta[name="rempart-consent-received"]');
    if (state === "accepted" || (meta && received(meta.content))) observer.disconnect();
    if (meta && received(meta.content)) assert(meta.dataset);
  };
  observer.observe(document.head, { childList: true, subtree: true, attributes: true });
  look();
};
