import { cookie, requested, seconds } from "./config.js";
import { tellServer } from "./consent.js";
import { emit } from "./events.js";
import { halt } from "./gate.js";
import { notice } from "./i18n.js";
import { endConversation, read, write } from "./store.js";
import { render } from "./view.js";

// States: dormant, noticed, pending-trigger, refused, accepted, stale, withdrawn. In the first four nothing is stored, and
// nothing is asked of the network but the script and the words.
export let state = "dormant";
export let marker;

// enter changes the state, shows it, and where there is a detail tells the page.
export const enter = (next, detail, event = next) => {
  state = next;
  render();
  if (detail) emit(event, detail);
};

// keep makes a marker the visitor's choice, here and on the device.
export const keep = (next) => {
  marker = next;
  write(next);
};

export const digest = () => notice.materialDigest.slice(0, 16);

// valid tells whether what a marker accepts is what the policy means now. One from a time that is still to come, beyond the skew that the
// site's word has too, was written by a clock that was ahead: it would last for as much longer.
export const valid = (m) => m?.n === digest() && m.e > seconds() && m.t < seconds() + 300;

// judge tells the state of a marker. One with an end and without purposes remembers a refusal. Where a part of the requested
// service is accepted, by the site's word or because the rest was withdrawn, the banner asks for all of it.
export const judge = (m) => {
  if (m?.w) return "withdrawn";
  if (m?.p) return valid(m) && requested.every((name) => m.p.includes(name)) ? "accepted" : "stale";
  return m?.e > seconds() ? "refused" : "dormant";
};

// adopt takes a marker that was found: after a lock, from another tab, or once the words have come. It changes what the
// page shows where something was accepted, now or before; else a refusal or a withdrawal may have been reopened meanwhile.
export const adopt = (found) => {
  const purposes = found?.p || marker?.p;
  const next = judge(found);
  marker = found;
  if (next !== state && purposes) {
    halt();
    if (!found?.p) endConversation();
    enter(next, { purposes });
  }
};

// load reads the visitor's own choice: when the page loads, or where the policy wants nothing read then, at the visitor's
// first act. The service hears of a withdrawal that it had not confirmed. At each later act and word of the site it looks at a cookie again:
// of what another tab wrote there it was not told.
export let load = () => {
  load = () => {
    if (cookie) adopt(read() || marker);
  };
  marker = read();
  state = judge(marker);
  tellServer();
};

// asks tells whether the banner has something to ask.
export const asks = () => state !== "accepted" && state !== "refused";

// served tells whether all that the requested service needs is granted at this instant: what stands on the device may be gone,
// changed or too old.
export const served = () => {
  if (state === "accepted") adopt(read());
  return state === "accepted";
};

// granted tells so of a purpose.
export const granted = (purpose) => served() && marker.p.includes(purpose);
