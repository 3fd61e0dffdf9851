import { cookie, perTab, random128, seconds, sessionTTL, site } from "./config.js";
import { fault, prefix } from "./events.js";

// All that ever stands on the device. Marker, one of:
//   {"v":1,"n":digest,"p":[purposes],"t":since,"e":expires,"k":secret}   accepted; "q":[purposes] while their withdrawal is not confirmed
//   {"v":1,"w":1,"t":since}                                              withdrawn; "k" and "q":1 while that is not confirmed
//   {"v":1,"x":1,"e":expires}                                            refusal remembered
// Conversation: "<id>.<expires>". Times are whole seconds.
export const key = prefix + site;
const sessionKey = key + ":s";

// What the browser refused to store lives as long as the page.
let memory;
let session;

// attempt returns undefined where the browser refuses.
const attempt = (fn) => {
  try {
    return fn();
  } catch {}
};

export const parse = (text) => {
  const marker = attempt(() => JSON.parse(text));
  if (marker?.v === 1) return marker;
};

const raw = () =>
  cookie
    ? atob(/__Secure-rempart=([^;]*)/.exec(document.cookie)[1])
    : localStorage.getItem(key);

export const read = () => memory || parse(attempt(raw));

export const write = (marker) => {
  const text = JSON.stringify(marker);
  attempt(() => (cookie ? (document.cookie = "__Secure-rempart=" + btoa(text) + cookie) : localStorage.setItem(key, text)));
  if ((memory = attempt(raw) === text ? null : marker)) fault("storage");
};

// sessions calls a method of the storage that has the conversation.
const sessions = (method, ...args) => attempt(() => (perTab ? sessionStorage : localStorage)[method](sessionKey, ...args));

// current returns the id of the conversation, if it was used within sessionTTL, and removes an older one. To be called after
// acceptance only.
export const current = () => {
  const [id, until] = (sessions("getItem") || session || "").split(".");
  return until > seconds() ? id : endConversation();
};

// conversation returns the conversation's id, and makes one where there is none.
export const conversation = () => {
  const id = current() || random128();
  session = id + "." + (seconds() + sessionTTL);
  sessions("setItem", session);
  return id;
};

export const endConversation = () => {
  session = null;
  sessions("removeItem");
};
