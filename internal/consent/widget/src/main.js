// What has many words comes first: the code then lies closer together, and packs better.
import "./dom.js";
import "./i18n.js";
import "./shown.js";
import "./store.js";
import { assert, heed } from "./assertion.js";
import { isRequested, readAtLoad, requested, site, useHost } from "./config.js";
import { receipt, refuse, tellServer, withdraw } from "./consent.js";
import { emit, fault, on } from "./events.js";
import { ensure } from "./ensure.js";
import { gate } from "./gate.js";
import { gpc } from "./gpc.js";
import { language, notice, speak } from "./i18n.js";
import { adopt, load, marker, served, state } from "./machine.js";
import { preferences } from "./preferences.js";
import { current, key, parse } from "./store.js";
import { acceptHere, close, isOpen, mount, offer, open } from "./view.js";

// What the page can call, and the order in which the widget starts.

const begun = new Promise((resolve) => on("ready", resolve));

const init = async (options = {}) => {
  if (options.site && options.site !== site) return fault("site");
  if (language) return; // begun
  useHost(options.host);
  speak(options.language || options.lang); // lang is the attribute
  if (readAtLoad) load();
  await new Promise((placed) => mount(options.mount, placed)); // never at once: who waits for "ready" in the queue hears it
  // What another tab wrote: the event brings it, nothing is read. Cookies have no such event: who turns to this tab has it look
  // whether a consent is still there, and at nothing where there was none.
  addEventListener("storage", (event) => {
    if (event.key === key || !event.key) adopt(parse(event.newValue));
  });
  addEventListener("focus", served);
  addEventListener("online", tellServer);
  if (served()) current(); // ends a conversation that was idle for too long
  heed(options);
  emit("ready", { state });
};

const api = {
  // since and expires are in seconds since 1970.
  state: () => ({
    purposes: served() ? marker.p : [], // first: what is too old by now changes the state
    state,
    since: marker?.t,
    expires: marker?.e,
    gpc: gpc(),
    noticeVersion: notice.version,
  }),
  init,
  gate,
  on,
  receipt: () => receipt,
};

// What needs the widget to have begun waits for it. Each may be the listener of a button of the page: an event says nothing.
const methods = {
  trigger: offer,
  preferences,
  withdraw,
  ensure,
  refuse,
  open,
  close,
  // accept is for a button of the page's own: it counts as the banner's does, while the banner is in view.
  accept: (names = requested) =>
    navigator.userActivation?.isActive && isOpen() && names.every(isRequested) ? acceptHere(names) : fault("no-act"),
  consentCollected: assert,
};
for (const name in methods) api[name] = (given) => begun.then(() => methods[name](given?.type ? undefined : given));

if (!window.rempart) {
  window.rempart = api;
  const script = document.currentScript?.dataset;
  if (script?.site) init(script);
  document.addEventListener("click", (event) => {
    if (!event.target.closest?.("[data-rempart-preferences]")) return;
    event.preventDefault();
    api.preferences();
  });
  const queue = (window.rempartQueue ||= []);
  queue.push = (...calls) => calls.forEach(([method, ...args]) => api[method]?.(...args));
  queue.push(...queue);
}
