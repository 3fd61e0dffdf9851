import { config, seconds } from "./config.js";
import { emit } from "./events.js";
import { endConversation, read } from "./store.js";

// States: dormant, noticed, pending-trigger, refused, accepted, stale, withdrawn. In the first four nothing is stored, and
// nothing is asked of the network but the script and the words.
export let state = "dormant";
export let marker = null;
export let notice = null;

let render = () => {};
export const onChange = (fn) => (render = fn);

// enter changes the state, shows it, and tells the page.
export const enter = (next, event, detail) => {
  state = next;
  render();
  if (event) emit(event, detail);
};

export const setMarker = (next) => (marker = next);

// digest is the first 16 hex digits of what the policy means now: by the words that were fetched, else by the build.
export const digest = () => (notice ? notice.materialDigest.slice(0, 16) : config.material);

export const setNotice = (next) => {
  notice = next;
  if (marker) adopt(marker);
};

const judge = (m) => {
  if (!m) return "dormant";
  if (m.w) return "withdrawn";
  if (m.x) return m.e > seconds() ? "refused" : "dormant";
  return m.n === digest() && m.e > seconds() ? "accepted" : "stale";
};

// adopt takes a marker that was found: after a lock, from another tab, or once the words have come. What this page shows
// changes only if the marker says something new.
export const adopt = (found) => {
  const before = judge(marker);
  const held = marker && marker.p;
  marker = found;
  const next = judge(found);
  if (next === state || (next === "dormant" && !held)) return;
  if (next === before && next !== "accepted" && next !== "stale") return; // open again after a withdrawal or a refusal
  if (held && !found?.p) endConversation();
  enter(next, next, { purposes: found?.p || [] });
};

// load reads the visitor's own choice, once.
let loaded;
export const load = () => {
  if (loaded) return;
  loaded = true;
  marker = read();
  state = judge(marker);
};

// again looks at the device before it is used, if something stood there: it may be gone, changed or out of date.
export const again = () => {
  if (state === "accepted") adopt(read());
};

// granted tells whether a purpose may be used at this instant.
export const granted = (purpose) => {
  again();
  return state === "accepted" && marker.p.includes(purpose);
};

// served tells whether all that the requested service needs is granted.
export const served = () => config.requested.every(granted);
