import { byMessage, ephemeral, random128 } from "./config.js";
import { make } from "./dom.js";
import { able, hand } from "./gate.js";
import { notice } from "./i18n.js";
import { asks, served, state } from "./machine.js";
import { conversation } from "./store.js";
import { agree, area, block, log, startWaiting } from "./view.js";

// The conversation: what was said and is sent. Typed text lives in the composer, in memory.
let messageId;
const passing = random128(); // the id of a conversation that nothing stores

// sendAccepts tells whether sending a message accepts.
export const sendAccepts = () => asks() && byMessage && notice.acceptance.includes("Message");

export const bubble = (name, words) => {
  log.append(make("p", name, { dir: "auto" }, words));
  log.scrollTop = 9e9; // its end
};

export const submit = async () => {
  const text = area.value.trim();
  if (able("send") && text && !area.readOnly) {
    area.readOnly = true;
    // The conversation's id, once the message may leave: not stored, accepted already, or accepted by this act.
    const id =
      state === "refused" && ephemeral
        ? passing
        : (served() || (sendAccepts() ? await agree("message") : block("consent"))) && conversation();
    messageId ||= random128();
    if (id && (await hand("send", { text }, id, messageId))) {
      messageId = null;
      area.value = "";
      startWaiting();
    }
    area.readOnly = false;
  }
  if (!asks()) area.focus();
};
