import { makeLinks, ofAge, years } from "./banner.js";
import { choose, withdraw } from "./consent.js";
import { button, check, make, makeStatus, text } from "./dom.js";
import { fault } from "./events.js";
import { objects } from "./gpc.js";
import { language } from "./i18n.js";
import * as t from "./texts.js";
import { granted, load, notice, served } from "./machine.js";
import { watch } from "./shown.js";
import { needNotice, render } from "./view.js";

// The dialog of choices: what each purpose is; once the service is accepted also a box for each optional purpose, that nobody
// ticked, and the way back.
let dialog;
const refused = []; // optional purposes that this page already told the ledger were refused

// save sends what changed: withdrawals of what had been granted, new consents and refusals.
const save = async (boxes, ui) => {
  const those = (ticked, was) => boxes.filter((box) => box.checked === ticked && granted(box.name) === was).map((box) => box.name);
  const yes = those(true, false);
  // Who sends the signal is not asked, so that an empty box is no answer.
  const no = objects() ? [] : those(false, false).filter((name) => !refused.includes(name));
  const gone = those(false, true);
  if (gone[0]) await withdraw(gone);
  const oldEnoughFor = years(notice.purposes.filter((p) => yes.includes(p.name)));
  if (yes[0]) await choose(yes, "consent.given", ui, { oldEnoughFor });
  if (no[0]) await choose(no, "consent.refused", ui);
  refused.push(...no, ...gone);
};

const section = (purpose, boxes) => {
  let choice = text("text", t.needed);
  if (purpose.acceptance.includes("Checkbox")) {
    const { name, title, minimumAge } = purpose;
    choice = check(title + (minimumAge ? ". " + ofAge(minimumAge) : ""), { name, checked: granted(name) });
    boxes.push(choice.control);
  }
  return make(
    "div", "purpose", {},
    text("title", purpose.title), text("text", purpose.text),
    (purpose.necessity !== "Optional" || (served() && choice.control)) && choice,
  );
};

export const preferences = async () => {
  load();
  if (dialog || !(await needNotice())) return;
  render();
  const boxes = [];
  const status = makeStatus();
  // through does the work and closes the dialog, or says that it failed.
  const through = (work) => async () => {
    try {
      await work();
      dialog.close();
    } catch {
      status.textContent = t.failed;
      fault("ledger");
    }
  };
  const title = make("h2", "title", { textContent: notice.texts.choices });
  dialog = make(
    "dialog", "dialog", { "aria-label": notice.texts.choices, lang: language, dir: "auto" },
    title,
    objects() && text("text", t.gpc),
    ...notice.purposes.map((purpose) => section(purpose, boxes)),
    make("div", "links", {}, ...makeLinks()),
    status,
    make(
      "div", "buttons", {},
      served() && boxes[0] && button("save", through(() => save(boxes, shown())), t.save),
      served() && button("withdraw", through(() => withdraw()), t.withdraw),
      button("leave", () => dialog.close(), t.close),
    ),
  );
  document.body.append(dialog);
  const shown = watch(title, title, dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.onclose = () => {
      dialog.remove();
      dialog = null;
      resolve();
    };
  });
};
