import { allows, asks, banner, makeBanner, renderBanner, saidAge, words } from "./banner.js";
import { focusArea, forgetTrigger, makeChat, propose, renderChat, startWaiting } from "./chat.js";
import { ephemeral, requested } from "./config.js";
import { accept, refuse } from "./consent.js";
import { button, make, makeStatus, text } from "./dom.js";
import { emit, fault } from "./events.js";
import { language, texts } from "./i18n.js";
import { enter, load, notice, setNotice, state } from "./machine.js";
import { fetchNotice } from "./network.js";
import { preferences } from "./preferences.js";
import { watch } from "./shown.js";
import * as t from "./texts.js";

// Launcher and panel. The panel comes right after the launcher in the document and is made when it is first opened.
let panel, launcher, choices, status, shown;

export const isOpen = () => panel && !panel.hidden;
// say tells what happened: a text by its number, or nothing.
export const say = (text) => (status.textContent = texts[text]);

const expand = (is) => {
  panel.hidden = !is;
  launcher.setAttribute("aria-expanded", is);
  panel.togglePopover?.(is);
};

// mount puts the launcher early into the page, or where the page wants it.
export const mount = (where) => {
  const place = where?.append ? where : document.querySelector(where || "body");
  launcher = button("launcher", () => (isOpen() ? close() : open()), texts[t.launch]);
  launcher.lang = language;
  launcher.dir = "auto";
  if (where) launcher.className += " rempart-inline";
  place.prepend(launcher);
};

const makePanel = () => {
  panel = make(
    "div", "panel",
    { id: "rempart-panel", role: "dialog", "aria-label": texts[t.launch], tabIndex: -1, lang: language, dir: "auto", popover: "manual", hidden: true },
    make("div", "head", {}, text("title", texts[t.launch]), choices = button("choices", preferences), button("close", close, texts[t.close])),
    ...makeChat(banner, status = makeStatus()),
  );
  panel.onkeydown = (event) => {
    if (event.key === "Escape") close();
  };
  launcher.after(panel);
  renew();
  render();
};

// renew puts the words of the notice into the panel. Who was at the old ones gets to the new ones.
export const renew = () => {
  if (!panel || !notice) return;
  const inside = banner.contains(document.activeElement);
  choices.textContent = notice.texts.choices;
  banner.replaceWith(makeBanner(acceptHere, refuseHere, preferences));
  if (inside) banner.focus();
  shown = watch(words, panel);
};

export const render = () => {
  if (!panel) return;
  choices.hidden = !notice;
  renderBanner();
  renderChat();
  if (state === "refused") say(ephemeral ? t.ephemeral : t.refused);
  if (state === "withdrawn") say(t.recorded);
};

// needNotice has the words fetched, once. It resolves to false when they did not come.
let fetching;
export const needNotice = () =>
  (fetching ||= fetchNotice(language).then(setNotice).then(
    () => true,
    () => {
      fetching = null;
      fault("notice");
    },
  ));

export const open = async () => {
  load();
  if (!panel) makePanel();
  if (isOpen()) return;
  expand(true);
  say((await needNotice()) ? undefined : t.failed);
  if (state === "dormant" || state === "withdrawn") enter("noticed");
  else render();
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

// block says why a message did not leave, and brings the words into view. Where they did not come it asks for them again.
export const block = (reason) => {
  if (state === "refused") enter("noticed");
  say(notice ? t.unread : t.failed);
  needNotice().then(render);
  banner.scrollIntoView({ block: "nearest" });
  banner.focus({ preventScroll: true });
  emit("send-blocked", { reason });
};

// agree records the acceptance of the requested service, if its words were really shown. It never throws.
export const agree = async (method) => {
  const ui = shown?.();
  if (!ui?.visible) return block("banner");
  const oldEnoughFor = saidAge();
  if (oldEnoughFor === undefined) return block("age");
  try {
    await accept(requested, method, ui, { oldEnoughFor });
    say(t.recorded);
    return true;
  } catch (error) {
    render();
    say(error === "stale" ? t.changed : t.failed);
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
  const known = notice?.triggers.find((one) => one.id === id);
  if (!known) return fault("trigger");
  propose(id, known.text);
  if (state === "accepted") return startWaiting();
  enter("pending-trigger", { id }, "trigger-blocked");
};
