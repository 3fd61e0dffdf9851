import { on } from "./events.js";
import { granted, load, served } from "./machine.js";
import { preferences } from "./preferences.js";
import { isOpen, open } from "./view.js";

// ensure resolves to whether a purpose is granted, and asks the visitor first where it is not: in the panel for the
// requested service, then in the dialog for an optional purpose.
export const ensure = async (purpose) => {
  load();
  if (!served()) {
    await open();
    // until the visitor has accepted, refused or closed the panel
    if (!served() && isOpen()) await new Promise((done) => ["accepted", "refused", "closed"].forEach((type) => on(type, done)));
  }
  if (served() && !granted(purpose)) await preferences();
  return granted(purpose);
};
