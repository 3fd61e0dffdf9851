import { defaultLanguage, languages, packs } from "./config.js";
import en from "./strings/en.json";
import fr from "./strings/fr.json";

// fr and en are in every build; the others are baked for the sites that list them.
const known = { fr, en, ...packs };
const whole = (tag = "") => tag.toLowerCase();
const primary = (tag) => whole(tag).split("-")[0];

export let language;
export let texts;

// speak chooses: what the page asks for, the page's own language, the site's default; each the same tag, else one of the same
// primary language.
export const speak = (asked) => {
  for (const tag of [asked, document.documentElement.lang, defaultLanguage]) {
    for (const form of [whole, primary]) language ||= languages.find((one) => form(one) === form(tag));
  }
  texts = known[primary(language)].split("|");
};
