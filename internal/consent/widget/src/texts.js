// The interface texts, in the alphabetical order of the keys in strings: the build joins the texts of a language by "|".
export let age, changed, close, ephemeral, failed, gpc, label, launch, needed, privacy, recorded, refused, save, send,
  terms, unread, withdraw, you;

export const useTexts = (pack) =>
  ([age, changed, close, ephemeral, failed, gpc, label, launch, needed, privacy, recorded, refused, save, send,
    terms, unread, withdraw, you] = pack.split("|"));
