import { config } from "./config.js";

// call tells nobody about the page or the visitor, and gives up after five seconds.
const call = (url, more) =>
  fetch(url, { credentials: "omit", referrerPolicy: "no-referrer", signal: AbortSignal.timeout(5000), ...more });

const read = async (response) => {
  if (!response.ok) throw response.status;
  return response.json();
};

// fetchNotice gets the words of now: what the browser kept may be of before a change.
export const fetchNotice = async (language) =>
  read(await call(`${config.host}/w/${config.site}/notice.${language}.json`, { cache: "no-cache" }));

const post = (url, body, headers, more) =>
  call(url, {
    method: "POST",
    body: JSON.stringify(body),
    headers: { "Content-Type": "application/json", ...headers },
    ...more,
  });

// tell sends an act to the service. secret is the receipt secret: it goes here only, never with a message.
export const tell = (route, body, secret, headers) =>
  post(`${config.host}/v1/sites/${config.site}/${route}`, body, { ...(secret && { Authorization: "Bearer " + secret }), ...headers }, {
    keepalive: true, // outlives the page
  });

// message sends what the visitor wrote to the site.
export const message = async (body, signal) => read(await post(config.sendURL, body, {}, { credentials: "same-origin", signal }));
