import { assert, heed, watchMeta } from "./assertion.js";
import { config } from "./config.js";
import { flush, receipt, withdraw } from "./consent.js";
import { dress } from "./dom.js";
import { emit, fault, on } from "./events.js";
import { ensure } from "./ensure.js";
import { gate } from "./gate.js";
import { gpc } from "./gpc.js";
import { speak } from "./i18n.js";
import { adopt, again, load, marker, notice, onChange, state } from "./machine.js";
import { preferences } from "./preferences.js";
import { onOtherTab, prune } from "./store.js";
import { acceptHere, close, mount, offer, open, refuseHere, render } from "./view.js";

// What the page can call, and the order in which the widget starts.

let begin;
const begun = new Promise((resolve) => (begin = resolve));
const later = (fn) => (...args) => begun.then(() => fn(...args));

const body = () =>
  new Promise((resolve) => {
    if (document.body) resolve();
    else document.addEventListener("DOMContentLoaded", resolve);
  });

let started = false;

const init = async (options = {}) => {
  if (started) return;
  if (options.site && options.site !== config.site) return fault("site");
  started = true;
  if (options.host) config.host = options.host;
  speak(options.language);
  if (config.readAtLoad) load();
  await body();
  dress();
  mount(options.mount);
  onChange(render);
  onOtherTab(adopt);
  addEventListener("pageshow", (event) => event.persisted && again());
  addEventListener("online", flush);
  flush();
  if (state === "accepted") prune();
  begin();
  heed(options);
  watchMeta();
  emit("ready", { state });
};

const iso = (s) => (s ? new Date(s * 1000).toISOString() : null);

const api = {
  init,
  consentCollected: later(assert),
  open: later(open),
  close: later(close),
  trigger: later(offer),
  // accept is for a button of the page's own: it counts as the banner's does, while the banner is in view.
  accept: later(() => (navigator.userActivation?.isActive ? acceptHere() : fault("no-act"))),
  refuse: later(refuseHere),
  withdraw: later(withdraw),
  preferences: later(preferences),
  ensure: later(ensure),
  gate,
  on,
  receipt: () => receipt,
  state: () => {
    again();
    return {
      state,
      noticeVersion: notice ? notice.version : config.version,
      purposes: (state === "accepted" && marker.p) || [],
      since: iso(marker?.t),
      expires: iso(marker?.p && marker.e),
      gpc: gpc(),
    };
  },
};

if (!window.rempart) {
  window.rempart = api;
  const script = document.currentScript?.dataset || {};
  if (script.site) init({ ...script, language: script.lang });
  document.addEventListener("click", (event) => {
    if (!event.target.closest?.("[data-rempart-preferences]")) return;
    event.preventDefault();
    api.preferences();
  });
  const call = ([method, ...args]) => api[method]?.(...args);
  const queue = (window.rempartQueue = window.rempartQueue || []);
  queue.push = (...calls) => calls.forEach(call);
  queue.splice(0).forEach(call);
}
