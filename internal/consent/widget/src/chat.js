import { allows, asks } from "./banner.js";
import { byMessage, ephemeral, random128 } from "./config.js";
import { button, make } from "./dom.js";
import { emit, fault } from "./events.js";
import { deliver, leadsSomewhere } from "./gate.js";
import { texts } from "./i18n.js";
import { served, state } from "./machine.js";
import { conversation } from "./store.js";
import { agree, block, say } from "./view.js";

// The conversation: what was said, the composer, and scenarios that the page's triggers start. Typed text and the trigger's
// id live here, in memory.
let log, area, send;
let trigger;
let messageId;
const passing = random128(); // the id of a conversation that nothing stores

// makeChat returns the conversation with what stands between it and the composer.
export const makeChat = (...between) => {
  area = make("textarea", "area");
  area.onkeydown = (event) => {
    // Return sends only once it cannot be taken for an acceptance.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || state !== "accepted") return;
    event.preventDefault();
    submit();
  };
  return [
    log = make("div", "log", { role: "log", tabIndex: 0, ariaLabel: texts.launcher }),
    ...between,
    make("div", "composer", {}, make("label", "label", {}, texts.label, area), send = button("send", submit)),
  ];
};

// sendAccepts tells whether sending a message accepts.
const sendAccepts = () => asks() && byMessage && allows("Message");

export const renderChat = () => {
  const is = sendAccepts();
  send.textContent = texts[is ? "acceptAndSend" : "send"];
  send.setAttribute("aria-describedby", is ? "rempart-consent-words" : "");
  if (state === "withdrawn") log.replaceChildren();
};

export const focusArea = () => area.focus();

const bubble = (name, ...words) => {
  log.append(make("p", name, { dir: "auto" }, ...words));
  log.scrollTop = log.scrollHeight;
};

// hand delivers, and shows the answer if it is words. It never throws: false means not delivered.
const hand = async (what, id, messageId) => {
  try {
    const answer = await deliver(what, id, messageId);
    if (what.text) bubble("mine", texts.you + what.text);
    if (typeof answer === "string") bubble("theirs", answer);
    return true;
  } catch {
    say("failed");
    fault("send");
  }
};

const submit = async () => {
  const text = area.value.trim();
  if (!leadsSomewhere()) fault("gate");
  else if (text && !area.readOnly) {
    area.readOnly = true;
    // The conversation's id, once the message may leave: not stored, accepted already, or accepted by this act.
    const id =
      state === "refused" && ephemeral
        ? passing
        : (served() || (sendAccepts() ? await agree("message") : block("consent"))) && conversation();
    messageId = messageId || random128();
    if (id && (await hand({ text }, id, messageId))) {
      messageId = null;
      area.value = "";
      startWaiting();
    }
    area.readOnly = false;
  }
  if (!asks()) focusArea();
};

// propose shows a scenario's first words, which are static. The scenario itself waits for the acceptance.
export const propose = (id, words) => {
  trigger = id;
  bubble("theirs", words);
};

export const forgetTrigger = () => (trigger = null);

// startWaiting starts the scenario that waits, once.
export const startWaiting = () => {
  const id = trigger;
  trigger = null;
  if (!id || !served()) return;
  emit("trigger-started", { id });
  hand({ trigger: id }, conversation(), random128());
};
