import { button, check, make, text } from "./dom.js";
import { texts } from "./i18n.js";
import { notice, state } from "./machine.js";
import { preferences } from "./preferences.js";
import { acceptHere, refuseHere } from "./view.js";

// The banner: what is asked before anything is stored. Accepting and refusing look the same; then come the details. It is made
// anew for each notice.
export let banner;
export let words;
// age is the box by which the visitor says to be old enough, where the service needs an age.
export let age;
export let changed, acceptButton; // whose words the state decides

// links is a row of a button and the links of the notice.
export const links = (first) =>
  make("div", "links", {}, first, ...notice.links.map(({ href, text }) => make("a", "link", { target: "_blank", rel: "noreferrer", href }, text)));

export const makeBanner = () =>
  (banner = make(
    "div", "banner", { role: "region", id: "rempart-consent-banner", tabIndex: -1, dir: "auto", ariaLabel: texts.choices },
    changed = text("text", texts.changed),
    words = make("p", "text", { id: "rempart-consent-words" }, texts.banner),
    age = notice.ageText && check(notice.ageText),
    make("div", "buttons", {}, acceptButton = button("accept", acceptHere), button("refuse", refuseHere)),
    links(button("details", preferences)),
  ));

// asks tells whether the banner has something to ask.
export const asks = () => state !== "accepted" && state !== "refused";
