import { age, allows, asks, banner, makeBanner, renderBanner, words } from "./banner.js";
import { focusArea, forgetTrigger, makeChat, propose, renderChat, startWaiting } from "./chat.js";
import { requested } from "./config.js";
import { accept, refuse } from "./consent.js";
import { button, make, makeStatus, text } from "./dom.js";
import { emit, fault } from "./events.js";
import { language, texts } from "./i18n.js";
import { enter, load, notice, setNotice, state } from "./machine.js";
import { fetchNotice } from "./network.js";
import { preferences } from "./preferences.js";
import { watch } from "./shown.js";

// Launcher and panel. The panel comes right after the launcher in the document and is made once the notice has come.
let panel, launcher, inline, status, shown;

export const isOpen = () => panel && !panel.hidden;
// say tells what happened, by the key of a text, once there is a panel.
export const say = (key) => (status.textContent = texts[key]);

const expand = (is) => {
  panel.hidden = !is;
  launcher.ariaExpanded = is;
  launcher.hidden = is && !inline;
  panel.togglePopover?.(is);
};

// mount puts the launcher early into the page, or where the page wants it.
export const mount = (where) => {
  const place = where?.append ? where : document.querySelector(where || "body");
  launcher = button("launcher", () => (isOpen() ? close() : open()));
  launcher.lang = language;
  launcher.dir = "auto";
  inline = where;
  if (where) launcher.className += " rempart-inline";
  launcher.ariaLive = "polite"; // that the words did not come is read out
  place.prepend(launcher);
};

const makePanel = () => {
  panel = make(
    "div", "panel",
    { role: "dialog", ariaLabel: texts.launcher, tabIndex: -1, lang: language, dir: "auto", popover: "manual", hidden: true },
    make("div", "head", {}, text("title", texts.launcher), button("choices", preferences), button("close", close)),
    ...makeChat(banner, (status = makeStatus())),
  );
  panel.onkeydown = (event) => {
    if (event.key === "Escape") close();
  };
  launcher.after(panel);
};

// renew puts the words of the notice into the panel. Who was at the old ones gets to the new ones.
export const renew = () => {
  const old = banner;
  const inside = old?.contains(document.activeElement);
  makeBanner(acceptHere, refuseHere, preferences);
  if (old) old.replaceWith(banner);
  else makePanel();
  if (inside) banner.focus();
  shown = watch(words, panel);
  render();
};

export const render = () => {
  if (!panel) return;
  renderBanner();
  renderChat();
  if (state === "refused") say(state);
  if (state === "withdrawn") say("recorded");
};

// needNotice has the words fetched, once, and the panel made of them. It resolves to false when they did not come.
let fetching;
export const needNotice = () =>
  (fetching ||= fetchNotice().then(setNotice).then(
    () => true,
    () => {
      fetching = null;
      fault("notice");
    },
  ));

// ready does so for a visitor who waits, and has the launcher say when they did not come: the next click tries again.
export const ready = async () => {
  load();
  const is = await needNotice();
  launcher.textContent = texts[is ? "launcher" : "failed"];
  return is;
};

export const open = async () => {
  if (isOpen() || !(await ready()) || isOpen()) return;
  expand(true);
  enter(state === "dormant" || state === "withdrawn" ? "noticed" : state);
  if (!asks()) return focusArea();
  emit("notice-shown", { version: notice.version, language });
  panel.focus();
};

export const close = () => {
  if (!isOpen()) return;
  const inside = panel.contains(document.activeElement);
  if (state === "pending-trigger") refuseHere();
  expand(false);
  if (inside) launcher.focus();
  emit("closed");
};

// block says why a message did not leave, and brings its words into view.
export const block = (reason) => {
  if (state === "refused") enter("noticed");
  say("unread");
  banner.focus();
  emit("send-blocked", { reason });
};

// agree records the acceptance of the requested service, if its words were really shown. It never throws.
export const agree = async (method) => {
  const ui = shown();
  if (!ui.visible) return block("banner");
  if (age && !age.control.checked) return block("age");
  try {
    await accept(requested, method, ui, { oldEnoughFor: notice.minimumAge });
    say("recorded");
    return true;
  } catch (error) {
    render();
    say(error === "stale" ? "changed" : "failed");
    if (error === "stale") emit(error);
    else fault("ledger");
  }
};

export const acceptHere = async () => {
  if (!(await agree(state === "pending-trigger" && allows("TriggerButton") ? "trigger-button" : "button"))) return;
  focusArea();
  startWaiting();
};

export const refuseHere = async () => {
  if (state === "pending-trigger") {
    forgetTrigger();
    enter("noticed", {}, "refused");
  } else {
    await refuse();
  }
  focusArea();
};

// offer opens a scenario of the site: its first words at once, the rest after the acceptance.
export const offer = async (id) => {
  await open();
  const known = notice.triggers?.find((one) => one.id === id);
  if (!known) return fault("trigger");
  propose(id, known.text);
  if (state === "accepted") return startWaiting();
  enter("pending-trigger", { id }, "trigger-blocked");
};
