import { config, random128, seconds } from "./config.js";
import { fault } from "./events.js";

// All that ever stands on the device. Marker, one of:
//   {"v":1,"n":digest,"p":[purposes],"t":since,"e":expires,"k":secret}   accepted; "q":[purposes] while their withdrawal is not confirmed
//   {"v":1,"w":1,"t":since}                                              withdrawn; "k" and "q":1 while that is not confirmed
//   {"v":1,"x":1,"e":expires}                                            refusal remembered
const key = "rempart:" + config.site;
const sessionKey = key + ":s";
const cookie = "__Secure-rempart";
const byCookie = config.store === "Cookie";

// What the browser refused to store lives as long as the page.
let memory;
let session;

export const parse = (text) => {
  try {
    const marker = JSON.parse(text);
    return marker.v === 1 ? marker : null;
  } catch {
    return null;
  }
};

const readCookie = () => {
  const found = document.cookie.split("; ").find((pair) => pair.startsWith(cookie + "="));
  return found && decodeURIComponent(found.slice(cookie.length + 1));
};

const raw = () => (byCookie ? readCookie() : localStorage.getItem(key));

export const read = () => {
  if (memory) return memory;
  try {
    return parse(raw());
  } catch {
    return null;
  }
};

export const write = (marker) => {
  const text = JSON.stringify(marker);
  memory = null;
  try {
    if (byCookie) {
      const life = (marker.e || marker.t + config.consentTTL) - seconds();
      const domain = config.cookieDomain ? "; Domain=" + config.cookieDomain : "";
      document.cookie = `${cookie}=${encodeURIComponent(text)}; Path=/; Secure; SameSite=Lax; Max-Age=${life}${domain}`;
    } else {
      localStorage.setItem(key, text);
    }
    if (raw() !== text) throw 0; // a browser that blocks cookies says nothing
  } catch {
    memory = marker;
    fault("storage");
  }
};

// onOtherTab calls adopt with the marker that another tab wrote: the event brings it, nothing is read.
export const onOtherTab = (adopt) => {
  addEventListener("storage", (event) => {
    if (event.key === key || event.key === null) adopt(parse(event.newValue));
  });
};


const sessions = () => (config.store === "Tab" ? sessionStorage : localStorage);

const readSession = () => {
  try {
    const [id, until] = sessions().getItem(sessionKey).split(".");
    return until > seconds() ? id : null;
  } catch {
    return session;
  }
};

// conversation returns the conversation's id, a new one after sessionTTL without use. To be called after acceptance only.
export const conversation = () => {
  session = readSession() || random128();
  try {
    sessions().setItem(sessionKey, session + "." + (seconds() + config.sessionTTL));
  } catch {
    // write has said that the browser stores nothing
  }
  return session;
};

export const endConversation = () => {
  session = null;
  try {
    sessions().removeItem(sessionKey);
  } catch {
    // nothing was stored
  }
};

// prune removes the id of a conversation that ended while no page was open.
export const prune = () => readSession() || endConversation();
