import { config } from "./config.js";
import en from "./strings/en.json";
import fr from "./strings/fr.json";

// fr and en are in every build; the others are baked for the sites that list them.
const packs = { fr, en, ...config.strings };
const primary = (tag) => tag.toLowerCase().split("-")[0];

export let language;
export let t;

// offered finds the site's language for a tag: the same, else one of the same primary language.
const offered = (tag = "") =>
  config.languages.find((one) => one.toLowerCase() === tag.toLowerCase()) ||
  config.languages.find((one) => primary(one) === primary(tag));

// speak chooses: what the page asks for, the page's own language, the site's default.
export const speak = (tag) => {
  language = offered(tag) || offered(document.documentElement.lang) || config.defaultLanguage;
  t = packs[primary(language)];
};

export const direction = () => (/^(ar|fa|he|ur)/.test(language) ? "rtl" : "ltr");
