import { button, check, make, text } from "./dom.js";
import * as t from "./texts.js";
import { notice, state } from "./machine.js";

// The banner: what is asked before anything is stored. Accepting and refusing look the same; then come the details.
export let banner;
export let words;
let changed, age, accept, refuse, details, links;

export const makeBanner = (onAccept, onRefuse, onDetails) => {
  changed = text("text", t.changed);
  words = make("p", "text", { id: "rempart-consent-words" });
  age = check(" ");
  accept = button("accept", onAccept);
  refuse = button("refuse", onRefuse);
  details = button("details", onDetails);
  links = make("div", "links");
  return (banner = make(
    "div", "banner", { id: "rempart-consent-banner", role: "region", tabIndex: -1 },
    changed, words, age, make("div", "buttons", {}, accept, refuse), links,
  ));
};

// asks tells whether the banner has something to ask.
export const asks = () => notice && state !== "accepted" && state !== "refused";

// ofAge are the words that somebody has the age that purposes need; years returns that age, or 0.
export const ofAge = (n) => t.age.replace("{}", n);
export const years = (purposes) => Math.max(0, ...purposes.map((p) => p.minimumAge || 0));
const needed = () => years(notice.purposes.filter((p) => p.necessity !== "Optional"));

// saidAge is the age that the visitor says to have, 0 where none is needed, undefined while it is not said.
export const saidAge = () => (!needed() || age.control.checked ? needed() : undefined);

const link = (textContent, href) => href && make("a", "link", { textContent, href, target: "_blank", rel: "noopener noreferrer" });

export const makeLinks = () => [link(t.terms, notice.texts.termsURL), link(t.privacy, notice.texts.privacyURL)].filter(Boolean);

export const renderBanner = () => {
  banner.hidden = !asks();
  if (!notice) return;
  const { texts } = notice;
  banner.setAttribute("aria-label", texts.choices);
  changed.hidden = state !== "stale";
  words.textContent = texts.banner;
  age.hidden = !needed();
  age.lastChild.data = ofAge(needed());
  accept.textContent = state === "pending-trigger" ? texts.acceptAndStart : texts.accept;
  refuse.textContent = texts.refuse;
  details.textContent = texts.details;
  links.replaceChildren(details, ...makeLinks());
};
