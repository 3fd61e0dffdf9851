import { bubble } from "./chat.js";
import { sendURL } from "./config.js";
import { fault } from "./events.js";
import { texts } from "./i18n.js";
import { call } from "./network.js";
import { failed } from "./view.js";

// What happens to an accepted message belongs to the site: gate({send, start}), or the policy's sendURL.
let handlers = {};
export const gate = (theirs) => (handlers = theirs || {});

// able tells whether there is who takes messages ("send") or scenarios ("start"), and the page where there is not.
export const able = (name) => handlers[name] || sendURL || fault("gate");

// One controller for all that an acceptance lets out: halt aborts what is on its way, once that is accepted no more.
let stop;
export const halt = () => (stop = stop?.abort());

// hand hands over {text} or {trigger}, and shows the answer if it is words. id is the same for each attempt, so that a receiver
// can drop a second one. It never throws: undefined means not delivered.
export const hand = async (name, what, conversation, id) => {
  try {
    const { signal } = (stop ||= new AbortController());
    const answer = handlers[name]
      ? await handlers[name](what.text || what.trigger, { conversation, id, signal })
      : (await call(sendURL, { ...what, conversation, id }, { credentials: "same-origin", signal })).reply;
    if (what.text) bubble("mine", texts.you + what.text);
    if (answer?.trim) bubble("theirs", answer);
    return true;
  } catch {
    failed("send");
  }
};
