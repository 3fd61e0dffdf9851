import { asks } from "./banner.js";
import { config, random128 } from "./config.js";
import { button, make, set } from "./dom.js";
import { emit, fault } from "./events.js";
import { deliver, leadsSomewhere } from "./gate.js";
import { t } from "./i18n.js";
import { notice, served, state } from "./machine.js";
import { conversation } from "./store.js";
import { agree, block, say } from "./view.js";

// The conversation: what was said, the composer, and scenarios that the page's triggers start. Typed text and the trigger's
// id live here, in memory.
let log, area, send, form;
let trigger = null;
let busy = false;
let messageId = null;
let passing = null; // the id of a conversation that nothing stores

export const makeChat = () => {
  log = make("div", "log", { role: "log", tabIndex: 0, "aria-label": t.title });
  area = make("textarea", "area", { id: "rempart-area", rows: 3 });
  send = button("send", "", () => form.requestSubmit());
  form = make(
    "form", "composer", {
      onsubmit: (event) => {
        event.preventDefault();
        submit();
      },
    },
    make("label", "label", { htmlFor: area.id, textContent: t.label }), area, send,
  );
  area.onkeydown = (event) => {
    // Return sends only once it cannot be taken for an acceptance.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || state !== "accepted") return;
    event.preventDefault();
    submit();
  };
  return [log, form];
};

// byMessage tells whether sending a message is acceptance here: the policy says so of the widget and of each purpose.
const byMessage = () =>
  config.acceptance === "Message" &&
  notice.purposes.every((p) => p.necessity !== "RequestedService" || p.acceptance.includes("Message"));

export const renderChat = () => {
  const accepts = asks() && byMessage();
  set(send, { textContent: accepts ? notice.texts.acceptAndSend : t.send });
  if (accepts) send.setAttribute("aria-describedby", "rempart-consent-words");
  else send.removeAttribute("aria-describedby");
  if (state === "withdrawn") log.replaceChildren();
  log.hidden = !log.firstChild;
};

export const focusArea = () => area.focus();

const bubble = (text, mine) => {
  const spoken = mine ? [make("span", "hidden", { textContent: t.you })] : [];
  log.append(make("p", mine ? "mine" : "theirs", {}, ...spoken, text));
  log.hidden = false;
  log.scrollTop = log.scrollHeight;
};

const hear = (answer) => typeof answer === "string" && answer && bubble(answer);

// allowed returns the conversation's id once the message may leave: accepted already, accepted by this act, or not stored.
const allowed = async () => {
  if (served()) return conversation();
  if (!notice) return block("notice", t.unloaded);
  if (state === "refused" && config.ephemeral) return (passing = passing || random128());
  if (!asks() || !byMessage()) return block("consent", t.choose);
  return (await agree("message")) && conversation();
};

const submit = async () => {
  const text = area.value.trim();
  if (busy || !text) return focusArea();
  if (!leadsSomewhere()) return fault("gate");
  busy = area.readOnly = true;
  try {
    const id = await allowed();
    if (!id) return;
    messageId = messageId || random128();
    const answer = await deliver("send", text, id, messageId);
    messageId = null;
    area.value = "";
    bubble(text, true);
    hear(answer);
    startWaiting();
  } catch {
    say(t.unsent);
    fault("send");
  } finally {
    busy = area.readOnly = false;
    renderChat();
  }
  if (!asks()) focusArea();
};

// propose shows a scenario's first words, which are static. The scenario itself waits for the acceptance.
export const propose = (id) => {
  const known = notice?.triggers?.find((one) => one.id === id);
  if (!known) return fault("trigger");
  trigger = id;
  bubble(known.texts.text);
  return true;
};

export const forgetTrigger = () => (trigger = null);

// startWaiting starts the scenario that waits, once.
export const startWaiting = async () => {
  const id = trigger;
  trigger = null;
  if (!id || !served()) return;
  emit("trigger-started", { id });
  try {
    hear(await deliver("start", id, conversation(), random128()));
  } catch {
    say(t.unsent);
    fault("start");
  }
};
