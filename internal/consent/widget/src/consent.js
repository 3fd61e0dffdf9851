import { consentTTL, isRequested, linked, random128, rememberRefusal, seconds } from "./config.js";
import { emit, fault } from "./events.js";
import { halt } from "./gate.js";
import { gpc } from "./gpc.js";
import { notice, setNotice } from "./i18n.js";
import { adopt, digest, enter, granted, judge, keep, load, marker, valid } from "./machine.js";
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
let telling;

// record has the ledger record that purposes are granted, once it has heard of what was withdrawn before: a late withdrawal must not
// take back what is newer. It returns the secret that they are recorded under, and which purposes wait for a mail to be confirmed.
// It throws the problem with the new notice when the words are not the current ones (the page hears of it, and the new ones are
// here then), and anything else when the outcome is unknown or bad.
const record = async (purposes, method, ui, more) => {
  await flush();
  if (pending?.about !== notice.token + purposes) {
    const body = {
      noticeToken: notice.token, acts: purposes.map((purpose) => ({ purpose, decision: "granted" })), method, ui, occurredAt: new Date(), gpc: gpc(), ...more,
    };
    pending = { body, purposes, id: random128(), about: notice.token + purposes, k: linked ? marker?.k || random128() : undefined };
  }
  const { k } = pending;
  const answer = await tell("events", pending.body, k, { "Idempotency-Key": pending.id }).catch(async (problem) => {
    if (problem.notice) {
      pending = null;
      setNotice(await fetchNotice());
      emit("stale");
    }
    throw problem;
  });
  receipt = answer.receipt ?? receipt; // none where there was nothing new to record
  pending = null;
  return [k, answer.pending || []];
};

// commit has purposes recorded, and only then stores them, beside what else is granted, which ends when it would have. It resolves
// to "pending" where some must be confirmed by a mail first: the page hears of those, and has it sent. They are not stored, but for the
// requested service, without which the others could not be.
const commit = async (purposes, method, ui, more, outdated) => {
  adopt(read());
  if ((purposes[0] && purposes.every(granted)) || outdated?.()) return; // none at all is for the ledger to refuse
  const [k, waiting] = await record(purposes, method, ui, more);
  const now = purposes.filter((name) => isRequested(name) || !waiting.includes(name));
  const t = seconds();
  const old = valid(marker) ? marker : { v: 1, n: digest(), p: [], t, e: t + consentTTL };
  if (now[0]) {
    keep({ ...old, p: [...new Set([...old.p, ...now])], t, k });
    enter(judge(marker), { method, purposes: now }, "accepted");
  }
  if (waiting[0]) emit("pending", { purposes: waiting });
  return waiting[0] && "pending";
};

// accept does so for the requested service or for optional purposes, each given by its own box: one act at a time, in all tabs,
// since the second finds what the first one wrote. What is stored reaches other tabs a little later, so the lock is kept a little
// longer. Frames of other sites have no locks.
export const accept = (...act) =>
  (running ||= new Promise((resolve) => {
    const go = async () => {
      const done = commit(...act);
      resolve(done);
      await done.catch(() => {});
      await new Promise((release) => setTimeout(release, 300));
    };
    navigator.locks?.request(key, go).catch(go) ?? go();
  }).finally(() => (running = null)));

// refuse leaves no trace but, where the policy wants it, the refusal itself, instead of one that stood there. The mark of a
// withdrawal stays: the service may have to hear of it yet.
export const refuse = async () => {
  await withdraw();
  enter("refused", {});
  if (rememberRefusal && !marker?.w) keep({ v: 1, x: 1, e: seconds() + refusalLife });
};

// withdraw takes back all, or some purposes, of what stands on the device: the page may not have read it yet. It works without a network: the
// server hears of it later. Where none of them is granted nothing happens, but that the ledger may have heard of an acceptance of which we
// have not: that it is told once, since nothing on the device says so.
export const withdraw = async (taken) => {
  await running?.catch(() => {});
  load();
  const { k, p = [], q = [] } = marker || {};
  const among = (names) => names.filter((name) => !taken || taken.includes(name));
  const lost = among(pending?.purposes || []);
  if (lost[0]) {
    if (pending.k) telling = tell("withdrawals", { purposes: lost }, pending.k).catch(() => fault("withdrawal"));
    pending = null; // the same act again is a new one
  }
  const purposes = among(p);
  if (!purposes[0]) return;
  if (purposes.some(isRequested)) halt(); // before all else
  const rest = p.filter((name) => !purposes.includes(name));
  const t = Math.max(seconds(), marker.t); // no clock that went back makes a withdrawal older than what it takes back
  if (rest.some(isRequested)) {
    keep({ ...marker, p: rest, t, q: k && [...q, ...purposes] });
  } else {
    endConversation();
    keep({ v: 1, w: 1, t, k, q: k && 1 });
  }
  enter(judge(marker), { purposes }, "withdrawn");
  tellServer();
};

// flush tells the server of a withdrawal that it has not confirmed, after what it is being told of earlier ones: none may come in late
// and take back what was chosen since. It throws while it cannot.
const flush = async () => {
  await telling;
  const { k, q, w } = marker || {};
  if (!q) return;
  await tell("withdrawals", { purposes: w ? undefined : q }, k);
  if (marker?.q == q + "") keep({ ...marker, q: undefined, k: w ? undefined : k });
};

// tellServer does so now; where it cannot, it is done when the choice is read the next time, or once there is a network again.
export const tellServer = () => (telling = flush().catch(() => fault("withdrawal")));
