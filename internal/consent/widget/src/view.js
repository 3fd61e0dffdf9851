import { asks, banner, makeBanner, renderBanner, words } from "./banner.js";
import { focusArea, forgetTrigger, makeChat, propose, renderChat, startWaiting } from "./chat.js";
import { config } from "./config.js";
import { accept, refuse } from "./consent.js";
import { button, make, set } from "./dom.js";
import { emit, fault } from "./events.js";
import { direction, language, t } from "./i18n.js";
import { enter, load, notice, setNotice, state } from "./machine.js";
import { fetchNotice } from "./network.js";
import { preferences } from "./preferences.js";
import { watch } from "./shown.js";

// Launcher and panel. The panel comes right after the launcher in the document and is made when it is first opened.
export let panel;
let launcher, choices, status, shown, fetching;

export const isOpen = () => panel && !panel.hidden;
export const say = (text) => status && (status.textContent = text);

// mount puts the launcher early into the page, or where the page wants it.
export const mount = (where) => {
  const place = typeof where === "string" ? document.querySelector(where) : where;
  launcher = button("launcher", t.launch, () => (isOpen() ? close() : open()));
  set(launcher, { "aria-expanded": "false", lang: language });
  if (place) {
    launcher.className += " rempart-inline";
    place.append(launcher);
  } else {
    document.body.prepend(launcher);
  }
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && isOpen() && !document.querySelector(".rempart-dialog")) close();
  });
};

const makePanel = () => {
  choices = button("choices", "", preferences);
  status = make("p", "status", { role: "status" });
  const [log, form] = makeChat();
  panel = make(
    "div", "panel",
    { id: "rempart-panel", role: "dialog", "aria-label": t.title, tabIndex: -1, lang: language, dir: direction(), popover: "manual", hidden: true },
    make("div", "head", {}, make("h2", "title", { textContent: t.title }), choices, button("close", t.close, close)),
    log, makeBanner(acceptHere, refuseHere, preferences), status, form,
  );
  launcher.after(panel);
  launcher.setAttribute("aria-controls", panel.id);
  shown = watch(banner, words, panel);
};

export const render = () => {
  if (!panel) return;
  set(choices, { textContent: notice ? notice.texts.choices : "", hidden: !notice });
  renderBanner();
  renderChat();
  if (state === "refused") say(t.refused + (config.ephemeral ? " " + t.ephemeral : ""));
  if (state === "withdrawn") say(t.withdrawn);
};

// needNotice has the words fetched, once. It resolves to false when they did not come.
export const needNotice = async () => {
  if (notice) return true;
  fetching = fetching || fetchNotice(language);
  try {
    setNotice(await fetching);
    return true;
  } catch {
    fault("notice");
    return false;
  } finally {
    fetching = null;
  }
};

export const open = async () => {
  load();
  if (!panel) makePanel();
  const was = isOpen();
  panel.hidden = false;
  if (!was) panel.showPopover?.();
  set(launcher, { "aria-expanded": "true" });
  const ready = await needNotice();
  if (state === "dormant" || state === "withdrawn") enter("noticed");
  say(ready ? "" : t.unloaded);
  render();
  if (was) return;
  if (asks()) {
    emit("notice-shown", { version: notice.version, language });
    panel.focus();
  } else {
    focusArea();
  }
};

export const close = () => {
  if (!isOpen()) return;
  const inside = panel.contains(document.activeElement);
  if (state === "pending-trigger") dropTrigger();
  panel.hidePopover?.();
  panel.hidden = true;
  set(launcher, { "aria-expanded": "false" });
  if (inside) launcher.focus();
  emit("closed");
};

// block says why a message did not leave, and brings the words into view.
export const block = (reason, text) => {
  if (state === "refused") enter("noticed");
  say(text);
  banner.scrollIntoView({ block: "nearest" });
  banner.focus({ preventScroll: true });
  emit("send-blocked", { reason });
};

// agree records the acceptance of the requested service, if its words were really shown. It never throws: false is no.
export const agree = async (method, ask = shown) => {
  const ui = ask();
  if (!ui.visible) return block("banner", t.unseen);
  say("");
  try {
    await accept(config.requested, method, ui);
    say(t.accepted);
    return true;
  } catch (error) {
    render();
    say(error === "stale" ? t.changed : t.failed);
    if (error === "stale") emit("stale");
    else fault("ledger");
    return false;
  }
};

export const acceptHere = async () => {
  if (!(await agree(state === "pending-trigger" ? "trigger-button" : "button"))) return;
  focusArea();
  startWaiting();
};

const dropTrigger = () => {
  forgetTrigger();
  enter("noticed", "refused");
};

export const refuseHere = async () => {
  if (state === "pending-trigger") dropTrigger();
  else await refuse();
  focusArea();
};

// offer opens a scenario of the site: its first words at once, the rest after the acceptance.
export const offer = async (id) => {
  await open();
  if (!propose(id)) return;
  if (state === "accepted") return startWaiting();
  enter("pending-trigger", "trigger-blocked", { id });
  banner.scrollIntoView({ block: "nearest" });
};
