import { links, ofAge, years } from "./banner.js";
import { choose, withdraw } from "./consent.js";
import { button, check, make, makeStatus, text } from "./dom.js";
import { fault } from "./events.js";
import { objects } from "./gpc.js";
import { language, texts } from "./i18n.js";
import { granted, load, notice, served } from "./machine.js";
import { watch } from "./shown.js";
import * as t from "./texts.js";
import { needNotice } from "./view.js";

// The dialog of choices: what each purpose is; once the service is accepted also a box for each optional purpose, that nobody
// ticked, and the way back.
let dialog;
const refused = []; // optional purposes that this page already told the ledger were refused

// save sends what changed: withdrawals of what had been granted, new consents and refusals.
const save = async (boxes, ui) => {
  const those = (ticked, was) => boxes.filter((box) => box.checked === ticked && granted(box.name) === was).map((box) => box.name);
  const yes = those(true, false);
  const gone = those(false, true);
  // Who sends the signal is not asked, so that an empty box is no answer.
  const no = objects() ? [] : those(false, false).filter((name) => !refused.includes(name));
  if (gone[0]) await withdraw(gone);
  await choose(yes, no, ui, { oldEnoughFor: years(notice.purposes.filter((purpose) => yes.includes(purpose.name))) });
  refused.push(...no, ...gone);
};

export const preferences = async () => {
  load();
  if (dialog || !(await needNotice())) return;
  const boxes = [];
  const status = makeStatus();
  // through does the work and closes the dialog, or says that it failed.
  const through = (work) => () =>
    work().then(
      () => dialog.close(),
      () => {
        status.textContent = texts[t.failed];
        fault("ledger");
      },
    );
  const section = ({ name, title, text: words, minimumAge, acceptance, necessity }) => {
    let choice = necessity !== "Optional" && text("text", texts[t.needed]);
    if (served() && acceptance.includes("Checkbox")) {
      choice = check(title + (minimumAge ? ". " + ofAge(minimumAge) : ""), { name, checked: granted(name) });
      boxes.push(choice.control);
    }
    return make("div", "purpose", {}, text("title", title), text("text", words), choice);
  };
  const title = make("h2", "title", { tabIndex: -1, autofocus: true }, notice.texts.choices);
  dialog = make(
    "dialog", "dialog", { "aria-label": notice.texts.choices, lang: language, dir: "auto" },
    title,
    objects() && text("text", texts[t.gpc]),
    ...notice.purposes.map(section),
    make("div", "links", {}, ...links()),
    status,
    make(
      "div", "buttons", {},
      boxes[0] && button("save", through(() => save(boxes, shown())), texts[t.save]),
      served() && button("withdraw", through(withdraw), texts[t.withdraw]),
      button("leave", () => dialog.close(), texts[t.close]),
    ),
  );
  document.body.append(dialog);
  const shown = watch(title, dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.onclose = () => {
      dialog.remove();
      dialog = null;
      resolve();
    };
  });
};
