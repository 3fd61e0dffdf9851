import { host, site } from "./config.js";
import { language } from "./i18n.js";

// call gets JSON, or posts a body and reads what comes back; nothing is {}. It throws the JSON of a bad answer. It tells nobody
// about the page or the visitor, and gives up after five seconds.
export const call = async (url, body, more, headers) => {
  const response = await fetch(url, {
    credentials: "omit",
    referrerPolicy: "no-referrer",
    signal: AbortSignal.timeout(5000),
    ...(body && { body: JSON.stringify(body), headers: { "Content-Type": "application/json", ...headers }, method: "POST" }),
    ...more,
  });
  const answer = JSON.parse((await response.text()) || "{}");
  if (!response.ok) throw answer;
  return answer;
};

export const fetchNotice = () => call(host + "/w/" + site + "/notice." + language + ".json");

// tell sends an act to the service. secret is the receipt secret: it goes here only, never with a message. keepalive outlives
// the page.
export const tell = (route, body, secret, headers) =>
  call(host + "/v1/sites/" + site + "/" + route, body, { keepalive: true }, { ...(secret && { Authorization: "Bearer " + secret }), ...headers });
