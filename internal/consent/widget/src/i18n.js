import { defaultLanguage, languages } from "./config.js";

export let language;
// texts are the words by key: until the notice came those of the launcher, then all. The signed words of the notice win.
export let texts;

// learn throws where a service of before this build sends none of its own.
export const learn = (notice) => (texts = Object.assign(notice.interface, notice.texts));

// speak chooses: what the page asks for, the page's own language, the site's default; each the same tag, else one of the same
// primary language.
export const speak = (asked) => {
  for (const tag of [asked, document.documentElement.lang, defaultLanguage]) {
    for (const rest of ["", /-.*/]) {
      const form = (one) => one?.toLowerCase().replace(rest, "");
      texts ||= languages.find((one) => form(one.language) === form(tag));
    }
  }
  language = texts.language;
};
