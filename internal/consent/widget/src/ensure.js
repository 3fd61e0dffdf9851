import { config } from "./config.js";
import { on } from "./events.js";
import { granted, load } from "./machine.js";
import { preferences } from "./preferences.js";
import { isOpen, open } from "./view.js";

// ensure resolves to whether a purpose is granted, and asks the visitor first where it is not: with the panel for the
// requested service, with the dialog for the rest.
export const ensure = async (purpose) => {
  load();
  if (granted(purpose)) return true;
  if (!config.requested.includes(purpose)) {
    await preferences();
    return granted(purpose);
  }
  await open();
  if (!granted(purpose) && isOpen()) await choice();
  return granted(purpose);
};

// choice waits until the visitor has accepted, refused or closed the panel.
const choice = () =>
  new Promise((resolve) => {
    const stops = ["accepted", "refused", "closed"].map((type) =>
      on(type, () => {
        stops.forEach((stop) => stop());
        resolve();
      }),
    );
  });
