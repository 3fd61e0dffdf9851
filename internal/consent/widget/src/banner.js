import { button, link, make, set } from "./dom.js";
import { direction, language, t } from "./i18n.js";
import { notice, state } from "./machine.js";

// The banner: what is asked before anything is stored. The same buttons in the same size and colours, accept, refuse, details.
export let banner;
export let words;
let changed, accept, refuse, details, links;

export const makeBanner = (onAccept, onRefuse, onDetails) => {
  changed = make("p", "text", { textContent: t.changed });
  words = make("p", "text", { id: "rempart-consent-words" });
  accept = button("accept", "", onAccept);
  refuse = button("refuse", "", onRefuse);
  details = button("details", "", onDetails);
  links = make("p", "links", {});
  banner = make(
    "div", "banner",
    { id: "rempart-consent-banner", role: "region", "aria-label": t.consent, lang: language, dir: direction(), tabIndex: -1 },
    changed, words, make("div", "buttons", {}, accept, refuse, details), links,
  );
  return banner;
};

// asks tells whether the banner has something to ask.
export const asks = () => notice && state !== "accepted" && state !== "refused";

export const wordLinks = () => [
  notice.texts.termsURL && link(t.terms, notice.texts.termsURL),
  notice.texts.privacyURL && link(t.privacy, notice.texts.privacyURL),
].filter(Boolean);

export const renderBanner = () => {
  banner.hidden = !asks();
  if (banner.hidden) return;
  const { texts } = notice;
  changed.hidden = state !== "stale";
  set(words, { textContent: texts.banner });
  set(accept, { textContent: state === "pending-trigger" ? texts.acceptAndStart : texts.accept });
  set(refuse, { textContent: texts.refuse });
  set(details, { textContent: texts.details });
  links.replaceChildren(...wordLinks());
};
