import { consentTTL, linked, random128, rememberRefusal, requested, seconds, storageAct } from "./config.js";
import { emit, fault } from "./events.js";
import { stopSending } from "./gate.js";
import { gpc } from "./gpc.js";
import { language } from "./i18n.js";
import { adopt, digest, enter, keep, marker, notice, setNotice, state } from "./machine.js";
import { fetchNotice, tell } from "./network.js";
import { endConversation, key, read } from "./store.js";

// A refusal is remembered for six months, by the longest six months.
export const refusalLife = 184 * 86400;

// The receipt (JWS) of the last act of this page.
export let receipt = null;

// The act that the ledger has not confirmed. A retry sends the same secret, key and words, so that a lost answer makes no
// second event.
let pending;
let running;

// once runs one act at a time, in all tabs: the second finds what the first one wrote. What is stored reaches other tabs a
// little later, so the lock is kept a little longer. Frames of other sites have no locks.
const once = (fn) => {
  let act;
  running ||= new Promise((resolve) => {
    const go = () => resolve((act ||= fn()));
    const locked = () => {
      go();
      const wait = () => new Promise((release) => setTimeout(release, 300));
      return act.then(wait, wait);
    };
    navigator.locks?.request(key, locked).catch(go) ?? go();
  }).finally(() => (running = null));
  return running;
};

// record has the ledger record acts. It returns the secret that they are recorded under, and which purposes wait for a mail to
// be confirmed. It throws "stale" when the words are not the current ones (the new ones are here then), and anything else when
// the outcome is unknown or bad.
const record = async (purposes, acts, method, ui, more, secret) => {
  const about = notice.token + acts + purposes;
  if (pending?.about !== about) {
    pending = {
      about,
      secret,
      id: random128(),
      body: {
        noticeToken: notice.token,
        acts: purposes.flatMap((purpose) => acts.map((type) => ({ type, purpose, decision: type === "consent.refused" ? "denied" : "granted" }))),
        method,
        ui,
        occurredAt: new Date(),
        gpc: gpc(),
        ...more,
      },
    };
  }
  const response = await tell("events", pending.body, pending.secret, { "Idempotency-Key": pending.id });
  const answer = await response.json();
  if (response.status === 409) {
    pending = null;
    setNotice(answer.notice.language === language ? answer.notice : await fetchNotice(language));
    throw "stale";
  }
  if (!response.ok) throw response;
  receipt = answer.receipt || receipt; // none where there was nothing new to record
  const k = pending.secret;
  pending = null;
  return [k, answer.pending || []];
};

// accept records that the requested service's purposes are accepted, and only then stores that.
export const accept = (purposes, method, ui, more) =>
  once(async () => {
    adopt(read());
    if (state === "accepted") return;
    await flush();
    const [k] = await record(
      purposes,
      ["terms.accepted", storageAct],
      method, ui, more,
      linked ? (marker?.p && marker.k) || random128() : undefined,
    );
    const t = seconds();
    keep({ v: 1, n: digest(), p: purposes, t, e: t + consentTTL, k });
    enter("accepted", { purposes, method });
  });

// choose records choices about optional purposes, each made by its own box, after acceptance.
export const choose = (purposes, type, ui, more) =>
  once(async () => {
    const [, waiting] = await record(purposes, [type], "checkbox", ui, more, marker.k);
    purposes = purposes.filter((name) => !waiting.includes(name));
    if (type === "consent.refused" || !purposes[0]) return;
    keep({ ...marker, p: [...marker.p, ...purposes] });
    emit("accepted", { purposes, method: "checkbox" });
  });

// refuse leaves no trace but, where the policy wants it, the refusal itself.
export const refuse = async () => {
  if (pending?.secret) tell("withdrawals", {}, pending.secret).catch(() => {}); // the ledger may have heard what we have not
  pending = null;
  await withdraw();
  enter("refused", {});
  if (rememberRefusal && !marker) keep({ v: 1, x: 1, e: seconds() + refusalLife });
};

// withdraw takes back all, or some purposes. It works without a network: the server hears of it later.
export const withdraw = async (taken) => {
  await running?.catch(() => {});
  if (!marker?.p) return;
  const { k, p, q = [] } = marker;
  const purposes = p.filter((name) => !taken || taken.includes(name));
  const rest = p.filter((name) => !purposes.includes(name));
  if (rest.some((name) => requested.includes(name))) {
    keep({ ...marker, p: rest, q: k && [...q, ...purposes] });
    emit("withdrawn", { purposes });
  } else {
    stopSending();
    endConversation();
    keep({ v: 1, w: 1, t: seconds(), k, q: k && 1 });
    enter("withdrawn", { purposes });
  }
  flush().catch(() => fault("withdrawal"));
};

// flush tells the server of a withdrawal that it has not confirmed. It throws while it cannot.
export const flush = async () => {
  const { k, q, ...rest } = marker || {};
  if (!q) return;
  const response = await tell("withdrawals", rest.w ? {} : { purposes: q }, k);
  if (!response.ok) throw response;
  if (String(marker.q) === String(q)) keep(rest.w ? rest : { ...rest, k });
};
