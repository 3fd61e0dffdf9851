// The interface texts, in the alphabetical order of the keys in strings: the build joins the texts of a language by "|", and
// puts these numbers where their names are used.
export const age = 0, changed = 1, close = 2, ephemeral = 3, failed = 4, gpc = 5, label = 6, launch = 7, needed = 8, privacy = 9,
  recorded = 10, refused = 11, save = 12, send = 13, terms = 14, unread = 15, withdraw = 16, you = 17;
