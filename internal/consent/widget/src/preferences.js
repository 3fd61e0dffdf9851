import { doNotTrack, host, site } from "./config.js";
import { accept, withdraw } from "./consent.js";
import { button, check, links, make, text } from "./dom.js";
import { gpc } from "./gpc.js";
import { language, notice, texts } from "./i18n.js";
import { granted, marker, served } from "./machine.js";
import { watch } from "./shown.js";
import { failed, ready, say } from "./view.js";

// The dialog of choices: what each purpose is; once the service is accepted also a box for each optional purpose, that nobody
// ticked, and the way back. dialog is the last one, also when it was closed.
export let dialog;

export const preferences = async () => {
  if (!(await ready()) || dialog?.isConnected) return;
  const boxes = [];
  const status = make("p", "status", { role: "status" }); // read out when its words change
  // through does the work and closes the dialog, or says what is left to do, by the key of a text, or that it failed.
  const through = (work) => async () => {
    try {
      say((await work()) || own.close(), status);
    } catch {
      failed("ledger", status);
    }
  };
  // save sends what the visitor changed: consents, and withdrawals of what had been granted. A box that nobody touched says nothing: the
  // ledger may have a consent that was given elsewhere, or one that waits for a mail. It resolves as accept does.
  const save = async () => {
    const ui = shown();
    const named = (ticked) => boxes.filter((box) => box.checked === ticked).map((box) => box.name);
    const chosen = named(true).filter((name) => !granted(name));
    await withdraw(named(false));
    return (
      chosen[0] &&
      marker?.p &&
      (ui.visible
        ? accept(chosen, "checkbox", ui, {
            oldEnoughFor: Math.max(...notice.purposes.map((purpose) => chosen.includes(purpose.name) && purpose.minimumAge)),
          })
        : "unread")
    );
  };
  const section = (purpose) => {
    let choice = purpose.necessity !== "Optional" && text("text", texts.needed);
    if (served() && purpose.acceptance.includes("Checkbox")) {
      choice = check(purpose.title + "\n" + purpose.ageText, { name: purpose.name, checked: granted(purpose.name) });
      boxes.push(choice.control);
    }
    return make("div", "purpose", {}, text("title", purpose.title), text("text", purpose.text), choice);
  };
  // The visitor's own page at the service, where they see, take back and take along what is recorded of them, and ask for erasure. The
  // secret goes in the body of a form: no address and no history has it. The form is in the document while it is sent only, so
  // that what copies the page does not copy the secret.
  const secret = marker?.k;
  const toPage = () => {
    const form = make(
      "form", "form", { target: "_blank", rel: "noreferrer", method: "post", action: host + "/me/" + site + "?lang=" + language },
      make("input", "box", { name: "secret", value: secret }),
    );
    own.append(form);
    form.submit();
    form.remove();
  };
  const own = make(
    "dialog", "dialog", { dir: "auto", ariaLabel: texts.choices },
    make("h2", "title", { tabIndex: -1, autofocus: true }, texts.choices),
    // Whose browser asks not to be asked about optional purposes is told that it was heard.
    (gpc() || (doNotTrack && navigator.doNotTrack > 0)) && text("text", texts.gpc),
    ...notice.purposes.map(section),
    links(secret && button("page", toPage)),
    status,
    make(
      "div", "buttons", {},
      boxes[0] && button("save", through(save)),
      marker?.p && button("withdraw", through(withdraw)),
      button("close", () => own.close()),
    ),
  );
  document.body.append((dialog = own));
  const shown = watch(own, own);
  own.showModal();
  return new Promise((resolve) => {
    own.onclose = () => {
      own.remove();
      resolve();
    };
  });
};
