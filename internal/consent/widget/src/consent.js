import { config, random128, seconds } from "./config.js";
import { emit, fault } from "./events.js";
import { stopSending } from "./gate.js";
import { gpc } from "./gpc.js";
import { adopt, digest, enter, marker, notice, setMarker, setNotice, state } from "./machine.js";
import { postEvents, postWithdrawal } from "./network.js";
import { endConversation, read, write } from "./store.js";

// A refusal is remembered for six months, by the longest six months.
export const refusalLife = 184 * 86400;

// The receipt (JWS) of the last act of this page.
export let receipt = null;

// The act that the ledger has not confirmed. A retry sends the same secret, key and words, so that a lost answer makes no
// second event.
let pending = null;
let running = null;

const act = (type, decision) => (purpose) => ({ type, purpose, decision });

// One tab at a time: the second finds what the first one wrote. Frames of other sites may have no locks.
const alone = async (fn) => {
  let began;
  try {
    return await navigator.locks.request("rempart:" + config.site, () => fn((began = true)));
  } catch (error) {
    if (began) throw error;
    return fn();
  }
};

const once = (fn) => {
  running = running || alone(fn).finally(() => (running = null));
  return running;
};

// tell has the ledger record acts. It throws "stale" when the words are not the current ones (the new ones are here then),
// and anything else when the outcome is unknown or bad.
const tell = async (acts, method, ui, more, secret) => {
  const about = notice.token + JSON.stringify(acts);
  if (pending?.about !== about) {
    pending = {
      about,
      secret,
      id: random128(),
      body: { noticeToken: notice.token, acts, method, ui, occurredAt: new Date().toISOString(), gpc: gpc(), ...more },
    };
  }
  const response = await postEvents(pending.body, pending.secret, pending.id);
  const answer = await response.json();
  if (response.status === 409) {
    pending = null;
    setNotice(answer.notice);
    throw "stale";
  }
  if (!response.ok) throw response.status;
  receipt = answer.receipt;
  const used = pending.secret;
  pending = null;
  return used;
};

// accept records that the requested service's purposes are accepted, and only then stores that.
export const accept = (purposes, method, ui, more) =>
  once(async () => {
    if (state !== "accepted") adopt(read());
    if (state === "accepted") return;
    if (!(await flush())) throw "withdrawal";
    const storage = config.storageBasis === "Consent" ? "consent.given" : "storage.acknowledged";
    const acts = [...purposes.map(act("terms.accepted", "granted")), ...purposes.map(act(storage, "granted"))];
    const secret = config.proof === "Aggregate" ? undefined : (marker?.p && marker.k) || random128();
    const k = await tell(acts, method, ui, more, secret);
    const t = seconds();
    setMarker({ v: 1, n: digest(), p: purposes, t, e: t + config.consentTTL, k });
    write(marker);
    enter("accepted", "accepted", { purposes, method });
  });

// choose records choices about optional purposes, each by its own unticked box, after acceptance.
export const choose = (yes, no, ui) =>
  once(async () => {
    await tell(
      [...yes.map(act("consent.given", "granted")), ...no.map(act("consent.refused", "denied"))],
      "checkbox", ui, {}, marker.k,
    );
    if (!yes.length) return;
    setMarker({ ...marker, p: [...marker.p, ...yes] });
    write(marker);
    enter("accepted", "accepted", { purposes: yes, method: "checkbox" });
  });

// refuse leaves no trace but, where the policy wants it, the refusal itself.
export const refuse = async () => {
  if (pending?.secret) postWithdrawal(undefined, pending.secret); // the ledger may have heard what we have not
  pending = null;
  if (state === "stale") await withdraw();
  enter("refused", "refused");
  if (!config.rememberRefusal) return;
  setMarker({ v: 1, x: 1, e: seconds() + refusalLife });
  write(marker);
};

// withdraw takes back all, or some purposes. It works without a network: the server hears of it later.
export const withdraw = async (purposes) => {
  await running?.catch(() => {});
  if (!marker?.p) return;
  const gone = marker.p.filter((p) => !purposes || purposes.includes(p));
  const rest = marker.p.filter((p) => !gone.includes(p));
  const { k } = marker;
  if (rest.some((p) => config.requested.includes(p))) {
    setMarker({ ...marker, p: rest, q: k && [...(marker.q || []), ...gone] });
  } else {
    stopSending();
    endConversation();
    setMarker({ v: 1, w: 1, t: seconds(), k, q: k && 1 });
  }
  write(marker);
  flush();
  if (marker.w) enter("withdrawn", "withdrawn", { purposes: gone });
  else emit("withdrawn", { purposes: gone });
};

// flush tells the server of a withdrawal that it has not confirmed. False means that it still has not.
export const flush = async () => {
  const { k, q, w } = marker || {};
  if (!q) return true;
  if (!(await postWithdrawal(w ? undefined : q, k))) {
    fault("withdrawal");
    return false;
  }
  if (String(marker.q) === String(q)) {
    const { q: _, ...done } = marker;
    if (w) delete done.k;
    setMarker(done);
    write(done);
  }
  return true;
};
