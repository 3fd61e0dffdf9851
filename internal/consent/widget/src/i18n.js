import { built, defaultLanguage, languages } from "./config.js";
import { adopt, marker } from "./machine.js";
import { renew } from "./view.js";

export let language;
// texts are the words by key: until the notice came those of the launcher, then all. The signed words of the notice win.
export let texts;

// What the policy means now: by the words that were fetched, else by the build, which has version and materialDigest only.
export let notice = built;

// setNotice throws where a service of before this build sends no words of its own.
export const setNotice = (next) => {
  texts = Object.assign(next.interface, next.texts);
  notice = next;
  renew();
  adopt(marker);
  return true;
};

// speak chooses: what the page asks for, the page's own language, the site's default; each the same tag, else one of the same
// primary language.
export const speak = (asked) => {
  for (const tag of [asked, document.documentElement.lang, defaultLanguage])
    for (const rest of ["", /-.*/])
      texts ||= languages.find((one) => one.language.toLowerCase().replace(rest, "") === tag?.toLowerCase().replace(rest, ""));
  language = texts.language;
};
