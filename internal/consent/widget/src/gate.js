import { config } from "./config.js";

// What happens to an accepted message belongs to the site: gate({send, start}), or the policy's sendURL.
let handlers = {};
let stop = new AbortController();

export const gate = (theirs) => (handlers = theirs);
export const leadsSomewhere = () => handlers.send || config.sendURL;

// stopSending aborts what is on its way when the visitor withdraws.
export const stopSending = () => {
  stop.abort();
  stop = new AbortController();
};

// deliver hands over a message ("send") or a scenario ("start"), and returns the words of an answer, if any.
// id is the same for each attempt, so that a receiver can drop a second one.
export const deliver = async (what, value, conversation, id) => {
  const { signal } = stop;
  if (handlers[what]) return handlers[what](value, { conversation, id, signal });
  const response = await fetch(config.sendURL, {
    method: "POST",
    referrerPolicy: "no-referrer",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ id, conversation, [what === "send" ? "text" : "trigger"]: value }),
    signal,
  });
  if (!response.ok) throw response.status;
  return (await response.json().catch(() => ({}))).reply;
};
