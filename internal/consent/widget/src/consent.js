import { consentTTL, linked, random128, rememberRefusal, requested, seconds } from "./config.js";
import { emit, fault } from "./events.js";
import { stop } from "./gate.js";
import { gpc } from "./gpc.js";
import { adopt, digest, enter, judge, keep, marker, notice, setNotice, state } from "./machine.js";
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
const once = (fn) =>
  (running ||= new Promise((resolve) => {
    const go = async () => {
      const act = fn();
      resolve(act);
      await act.catch(() => {});
      await new Promise((release) => setTimeout(release, 300));
    };
    navigator.locks?.request(key, go).catch(go) ?? go();
  }).finally(() => (running = null)));

// record has the ledger record that purposes are granted. It returns the secret that they are recorded under, and which purposes wait for a mail to
// be confirmed. It throws "stale" when the words are not the current ones (the new ones are here then), and anything else when
// the outcome is unknown or bad.
const record = async (purposes, method, ui, more, k) => {
  const acts = purposes.map((purpose) => ({ purpose, decision: "granted" }));
  const about = notice.token + JSON.stringify(acts);
  if (pending?.about !== about) {
    const body = { noticeToken: notice.token, acts, method, ui, occurredAt: new Date(), gpc: gpc(), ...more };
    pending = { about, k, id: random128(), body };
  }
  const answer = await tell("events", pending.body, pending.k, { "Idempotency-Key": pending.id }).catch(async (problem) => {
    if (!problem.notice) throw problem;
    pending = null;
    setNotice(await fetchNotice());
    throw "stale";
  });
  receipt = answer.receipt || receipt; // none where there was nothing new to record
  k = pending.k;
  pending = null;
  return [k, answer.pending || []];
};

// accept records that the requested service's purposes are accepted, and only then stores that.
export const accept = (purposes, method, ui, more) =>
  once(async () => {
    adopt(read());
    if (state === "accepted") return;
    await flush();
    const [k] = await record(purposes, method, ui, more, linked ? (marker?.p && marker.k) || random128() : undefined);
    const t = seconds();
    keep({ v: 1, n: digest(), p: purposes, t, e: t + consentTTL, k });
    enter(judge(marker), { purposes, method }, "accepted");
  });

// choose records consents to optional purposes, each given by its own box, after acceptance. It resolves to those that a mail must
// confirm first: the page hears of them, and has it sent.
export const choose = (chosen, ui, more) =>
  once(async () => {
    const [, waiting] = await record(chosen, "checkbox", ui, more, marker.k);
    const purposes = chosen.filter((name) => !waiting.includes(name));
    if (purposes[0]) {
      keep({ ...marker, p: [...marker.p, ...purposes] });
      emit("accepted", { purposes, method: "checkbox" });
    }
    if (waiting[0]) emit("pending", { purposes: waiting });
    return waiting[0];
  });

// refuse leaves no trace but, where the policy wants it, the refusal itself, instead of one that stood there. The mark of a
// withdrawal stays: the service may have to hear of it yet.
export const refuse = async () => {
  if (pending?.k) tell("withdrawals", {}, pending.k).catch(() => {}); // the ledger may have heard what we have not
  pending = null;
  await withdraw();
  enter("refused", {});
  if (rememberRefusal && !marker?.w) keep({ v: 1, x: 1, e: seconds() + refusalLife });
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
    enter(judge(marker), { purposes }, "withdrawn");
  } else {
    stop?.abort();
    endConversation();
    keep({ v: 1, w: 1, t: seconds(), k, q: k && 1 });
    enter("withdrawn", { purposes });
  }
  tellServer();
};

// flush tells the server of a withdrawal that it has not confirmed. It throws while it cannot.
const flush = async () => {
  const { k, q, ...rest } = marker || {};
  if (!q) return;
  await tell("withdrawals", rest.w ? {} : { purposes: q }, k);
  if (marker.q + "" === q + "") keep(rest.w ? rest : { ...rest, k });
};

// tellServer does so now; where it cannot, it is done at the next load, or once there is a network again.
export const tellServer = () => flush().catch(() => fault("withdrawal"));
