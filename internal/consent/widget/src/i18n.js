import { defaultLanguage, languages, packs } from "./config.js";
import en from "./strings/en.json";
import fr from "./strings/fr.json";
import { useTexts } from "./texts.js";

// fr and en are in every build; the others are baked for the sites that list them.
const known = { fr, en, ...packs };
const primary = (tag) => tag.toLowerCase().split("-")[0];

export let language;

// offered finds the site's language for a tag: the same, else one of the same primary language.
const offered = (tag = "") =>
  languages.find((one) => one.toLowerCase() === tag.toLowerCase()) ||
  languages.find((one) => primary(one) === primary(tag));

// speak chooses: what the page asks for, the page's own language, the site's default.
export const speak = (tag) => {
  language = offered(tag) || offered(document.documentElement.lang) || defaultLanguage;
  useTexts(known[primary(language)]);
};
