import { config } from "./config.js";

const patience = 5000; // milliseconds until an act counts as failed

const tied = () => (AbortSignal.timeout ? AbortSignal.timeout(patience) : undefined);

// fetchNotice gets the words. It tells the server nothing about the visitor.
export const fetchNotice = async (language) => {
  const response = await fetch(`${config.host}/w/${config.site}/notice.${language}.json`, {
    credentials: "omit",
    referrerPolicy: "no-referrer",
    signal: tied(),
  });
  if (!response.ok) throw response.status;
  return response.json();
};

// post sends an act. secret is the receipt secret: it goes to these routes only, never with a message.
const post = (route, body, secret, more) =>
  fetch(`${config.host}/v1/sites/${config.site}/${route}`, {
    method: "POST",
    credentials: "omit",
    referrerPolicy: "no-referrer",
    body: JSON.stringify(body),
    signal: tied(),
    ...more,
    headers: {
      "Content-Type": "application/json",
      ...(secret && { Authorization: "Bearer " + secret }),
      ...more.headers,
    },
  });

export const postEvents = (body, secret, idempotencyKey) =>
  post("events", body, secret, { headers: { "Idempotency-Key": idempotencyKey } });

// postWithdrawal outlives the page. It never throws: false means not confirmed yet.
export const postWithdrawal = async (purposes, secret) => {
  try {
    return (await post("withdrawals", purposes ? { purposes } : {}, secret, { keepalive: true })).ok;
  } catch {
    return false;
  }
};
