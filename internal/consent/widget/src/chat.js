import { allows, asks } from "./banner.js";
import { byMessage, ephemeral, random128, sendURL } from "./config.js";
import { button, make } from "./dom.js";
import { fault } from "./events.js";
import { hand, handlers } from "./gate.js";
import { texts } from "./i18n.js";
import { served, state } from "./machine.js";
import { conversation } from "./store.js";
import { agree, block, startWaiting } from "./view.js";

// The conversation: what was said, and the composer. Typed text lives here, in memory.
export let area, log, send;
let messageId;
const passing = random128(); // the id of a conversation that nothing stores

// makeChat returns the conversation with what stands between it and the composer.
export const makeChat = (...between) => {
  area = make("textarea", "area");
  area.onkeydown = (event) => {
    // Return sends only once it cannot be taken for an acceptance.
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing && state === "accepted") {
      event.preventDefault();
      submit();
    }
  };
  return [
    log = make("div", "log", { role: "log", ariaLabel: texts.launcher, tabIndex: 0 }),
    ...between,
    make("div", "composer", {}, make("label", "label", {}, texts.label, area), send = button("send", submit)),
  ];
};

// sendAccepts tells whether sending a message accepts.
export const sendAccepts = () => asks() && byMessage && allows("Message");

export const bubble = (name, ...words) => {
  log.append(make("p", name, { dir: "auto" }, ...words));
  log.scrollTop = log.scrollHeight;
};

const submit = async () => {
  const text = area.value.trim();
  if (!(handlers.send || sendURL)) fault("gate");
  else if (text && !area.readOnly) {
    area.readOnly = true;
    // The conversation's id, once the message may leave: not stored, accepted already, or accepted by this act.
    const id =
      state === "refused" && ephemeral
        ? passing
        : (served() || (sendAccepts() ? await agree("message") : block("consent"))) && conversation();
    messageId ||= random128();
    if (id && (await hand({ text }, id, messageId))) {
      messageId = null;
      area.value = "";
      startWaiting();
    }
    area.readOnly = false;
  }
  if (!asks()) area.focus();
};
