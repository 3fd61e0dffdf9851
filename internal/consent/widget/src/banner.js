import { button, check, make, text } from "./dom.js";
import { language, texts } from "./i18n.js";
import { notice, state } from "./machine.js";

// The banner: what is asked before anything is stored. Accepting and refusing look the same; then come the details. It is made
// anew for each notice.
export let banner;
export let words;
let changed, age, accept;

// service are the purposes of the requested service; years is the age that purposes need, or 0, and ofAge says it.
const service = () => notice.purposes.filter((purpose) => purpose.necessity !== "Optional");
export const years = (purposes) => Math.max(0, ...purposes.map((purpose) => purpose.minimumAge || 0));
export const ofAge = (n) => texts.age.replace("{}", n);

// allows tells whether the requested service may be accepted in a way: each of its purposes must list it.
export const allows = (way) => service().every((purpose) => purpose.acceptance.includes(way));

// saidAge is the age that the visitor says to have, 0 where none is needed, undefined while it is not said.
export const saidAge = () => {
  const needed = years(service());
  return !needed || age.control.checked ? needed : undefined;
};

export const links = () =>
  ["terms", "privacy"].map((name) => {
    const href = texts[name + "URL"];
    return href && make("a", "link", { href, target: "_blank", rel: "noreferrer" }, texts[name]);
  });

export const makeBanner = (onAccept, onRefuse, onDetails) => {
  const needed = years(service());
  return (banner = make(
    "div", "banner", { id: "rempart-consent-banner", role: "region", "aria-label": texts.choices, tabIndex: -1, lang: language, dir: "auto" },
    changed = text("text", texts.changed),
    words = make("p", "text", { id: "rempart-consent-words" }, texts.banner),
    age = needed && check(ofAge(needed)),
    make("div", "buttons", {}, accept = button("accept", onAccept), button("refuse", onRefuse)),
    make("div", "links", {}, button("details", onDetails), ...links()),
  ));
};

// asks tells whether the banner has something to ask.
export const asks = () => state !== "accepted" && state !== "refused";

export const renderBanner = () => {
  banner.hidden = !asks();
  changed.hidden = state !== "stale";
  accept.textContent = texts[state === "pending-trigger" ? "acceptAndStart" : "accept"];
};
