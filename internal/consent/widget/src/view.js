import { bubble, sendAccepts, submit } from "./chat.js";
import { random128, requested } from "./config.js";
import { accept, refuse } from "./consent.js";
import { button, check, links, make, text } from "./dom.js";
import { emit, fault } from "./events.js";
import { able, hand } from "./gate.js";
import { language, notice, setNotice, texts } from "./i18n.js";
import { asks, enter, load, served, state } from "./machine.js";
import { fetchNotice } from "./network.js";
import { dialog, preferences } from "./preferences.js";
import { watch } from "./shown.js";
import { conversation } from "./store.js";
import css from "./widget.css";

// Launcher and panel. The panel comes right after the launcher in the document and is made once the notice has come.
let panel, launcher, send, status, shown;
export let area, log; // the composer's text and the conversation
let trigger; // the id of a scenario that waits for the acceptance, in memory only

export const isOpen = () => panel && !panel.hidden;
// say tells what happened, by the key of a text, once there is a panel; or gives another element its words.
export const say = (key, element = status) => (element.textContent = texts[key]);

// failed says that it failed, and tells the page what did.
export const failed = (code, element) => {
  say("failed", element);
  fault(code);
};

const expand = (is) => {
  panel.hidden = !is;
  launcher.ariaExpanded = launcher.hidden = is; // where it floats, it would lie under the panel; elsewhere the style sheet shows it
  panel.togglePopover?.(is);
};

// mount brings the style sheet, and puts the launcher early into the page, or where the page wants it, and says when it has its place: the
// document may still be on its way. It does so again, with the panel, once a framework replaced what they stood in; copies of them, such as of
// a page that was left, are dead.
export const mount = (where, placed) => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  document.adoptedStyleSheets.push(sheet);
  launcher = button("launcher", () => (isOpen() ? close() : open()));
  launcher.dir = "auto";
  launcher.ariaLive = "polite"; // that the words did not come is read out
  const place = () => {
    if (!dialog?.isConnected) dialog?.close(); // whoever waits for it hears that it is over
    const home = where?.append ? where : document.querySelector(where || "body") || document.body;
    if (!home || home.contains(launcher)) return;
    document.querySelectorAll(".rempart-launcher,.rempart-panel,.rempart-dialog").forEach((copy) => copy.remove());
    home.prepend(launcher);
    if (panel) launcher.after(panel);
    placed();
  };
  new MutationObserver(place).observe(document.documentElement, { childList: true, subtree: true });
  place();
};

// The banner: what is asked before anything is stored. Accepting and refusing look the same; then come the details. It is made
// anew for each notice. age is the box by which the visitor says to be old enough, where the service needs an age; the state
// decides the words of changed and acceptButton.
let acceptButton, age, banner, changed;

// renew puts the words of the notice into the panel, which is made of the first ones. Who was at the old ones gets to the new ones.
export const renew = () => {
  const old = banner;
  const inside = old?.contains(document.activeElement);
  banner = make(
    "div", "banner", { role: "region", id: "rempart-consent-banner", tabIndex: -1, dir: "auto", ariaLabel: texts.choices },
    changed = make("div", "text", {}, texts.changed),
    make("p", "text", { id: "rempart-consent-words" }, texts.banner),
    age = notice.ageText && check(notice.ageText),
    make("div", "buttons", {}, acceptButton = button("accept", acceptHere), button("refuse", refuseHere)),
    links(button("details", preferences)),
  );
  if (old) {
    old.replaceWith(banner);
  } else {
    panel = make(
      "div", "panel",
      { role: "dialog", tabIndex: -1, dir: "auto", popover: "manual", ariaLabel: texts.launcher, hidden: true },
      make("div", "head", {}, text("title", texts.launcher), button("choices", preferences), button("close", close)),
      log = make("div", "log", { role: "log", tabIndex: 0, ariaLabel: texts.launcher }),
      banner,
      status = make("p", "status", { role: "status" }), // read out when its words change
      make("div", "composer", {}, make("label", "label", {}, texts.label, area = make("textarea", "area")), send = button("send", submit)),
    );
    area.onkeydown = (event) => {
      // Return sends only once it cannot be taken for an acceptance.
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing && state === "accepted") {
        event.preventDefault();
        submit();
      }
    };
    panel.onkeydown = (event) => {
      if (event.key === "Escape") close();
    };
    launcher.after(panel);
  }
  if (inside) banner.focus();
  shown = watch(banner, panel);
  render();
};

export const render = () => {
  if (!panel) return;
  banner.hidden = !asks();
  changed.hidden = state !== "stale";
  say(state === "pending-trigger" ? "acceptAndStart" : "accept", acceptButton);
  const accepts = sendAccepts();
  say(accepts ? "acceptAndSend" : "send", send);
  send.setAttribute("aria-describedby", accepts ? "rempart-consent-words" : "");
  if (state === "refused") say(state);
  if (state === "withdrawn") {
    log.replaceChildren();
    say("recorded");
  }
};

// needNotice has the words fetched, once, and the panel made of them. It resolves to undefined when they did not come.
let fetching;
export const needNotice = () =>
  (fetching ||= fetchNotice()
    .then(setNotice)
    .catch(() => {
      fetching = null;
      fault("notice");
    }));

// ready does so for a visitor who waits, and has the launcher say when they did not come: the next click tries again.
export const ready = async () => {
  load();
  const is = await needNotice();
  say(is ? "launcher" : "failed", launcher);
  return is;
};

export const open = async () => {
  if (!(await ready()) || isOpen()) return;
  expand(true);
  enter(state === "dormant" || state === "withdrawn" ? "noticed" : state);
  if (asks()) {
    emit("notice-shown", { language, version: notice.version });
    panel.focus();
  } else {
    area.focus();
  }
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
export const block = (reason, at = banner) => {
  if (state === "refused") enter("noticed");
  say(at === banner ? "unread" : "ageText");
  at.focus();
  emit("send-blocked", { reason });
};

// agree records the acceptance of the requested service, if its words were really shown. It never throws.
export const agree = async (method, names = requested) => {
  const ui = shown();
  if (!ui.visible) return block("banner");
  if (age && !age.control.checked) return block("age", age.control);
  try {
    await accept(names, method, ui, { oldEnoughFor: notice.minimumAge });
    say("recorded");
    return true;
  } catch (problem) {
    render();
    if (problem.notice) {
      say("changed");
    } else {
      failed("ledger");
    }
  }
};

// startWaiting starts the scenario that waits, once.
export const startWaiting = () => {
  const id = trigger;
  trigger = null;
  if (id && served() && able("start")) {
    emit("trigger-started", { id });
    hand("start", { trigger: id }, conversation(), random128());
  }
};

export const acceptHere = async (names) => {
  if (!(await agree(state === "pending-trigger" && notice.acceptance.includes("TriggerButton") ? "trigger-button" : "button", names))) return;
  area.focus();
  startWaiting();
};

export const refuseHere = async () => {
  if (state === "pending-trigger") {
    trigger = null;
    enter("noticed", {}, "refused");
  } else {
    await refuse();
  }
  area.focus();
};

// offer opens a scenario of the site: its first words at once, the rest after the acceptance.
export const offer = async (id) => {
  await open();
  const known = notice.triggers?.find((one) => one.id === id);
  if (!known) return fault("trigger");
  if (!able("start")) return; // nobody is asked for nothing
  trigger = id;
  bubble("theirs", known.text);
  if (state === "accepted") startWaiting();
  else enter("pending-trigger", { id }, "trigger-blocked");
};
