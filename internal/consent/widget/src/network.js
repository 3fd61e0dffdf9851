import { host, site } from "./config.js";

// call gets, or posts a body. It tells nobody about the page or the visitor, and gives up after five seconds. What the browser
// kept may be of before a change, so the service is asked.
export const call = (url, body, headers, more) =>
  fetch(url, {
    credentials: "omit",
    referrerPolicy: "no-referrer",
    cache: "no-cache",
    signal: AbortSignal.timeout(5000),
    ...(body && { method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json", ...headers } }),
    ...more,
  });

// read returns the JSON of a response, nothing of one without content, and throws a bad one.
export const read = async (response) => {
  if (!response.ok) throw response;
  return response.status === 204 ? {} : response.json();
};

export const fetchNotice = async (language) => read(await call(`${host}/w/${site}/notice.${language}.json`));

// tell sends an act to the service. secret is the receipt secret: it goes here only, never with a message. keepalive outlives
// the page.
export const tell = (route, body, secret, headers) =>
  call(`${host}/v1/sites/${site}/${route}`, body, { ...(secret && { Authorization: "Bearer " + secret }), ...headers }, { keepalive: true });
