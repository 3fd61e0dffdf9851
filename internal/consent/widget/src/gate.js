import { sendURL } from "./config.js";
import { call } from "./network.js";

// What happens to an accepted message belongs to the site: gate({send, start}), or the policy's sendURL.
export let handlers = {};
export const gate = (theirs) => (handlers = theirs);

// stop aborts what is on its way, when the visitor withdraws.
export let stop;

// deliver hands over {text} or {trigger}, and returns the words of an answer, if any. id is the same for each attempt, so that
// a receiver can drop a second one.
export const deliver = async (what, conversation, id) => {
  const { signal } = (stop = new AbortController());
  const handler = what.text ? handlers.send : handlers.start;
  return handler
    ? handler(what.text || what.trigger, { conversation, id, signal })
    : (await call(sendURL, { ...what, conversation, id }, { credentials: "same-origin", signal })).reply;
};
