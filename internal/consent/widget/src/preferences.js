import { asks, wordLinks } from "./banner.js";
import { config } from "./config.js";
import { choose, refuse, withdraw } from "./consent.js";
import { button, make } from "./dom.js";
import { fault } from "./events.js";
import { objects } from "./gpc.js";
import { direction, language, t } from "./i18n.js";
import { granted, load, marker, notice } from "./machine.js";
import { watch } from "./shown.js";
import { agree, needNotice, say } from "./view.js";

// The dialog of choices: what each purpose is, optional ones with a box of their own that nobody ticked, and the way back.
let dialog;
let settled = () => {};
const refused = new Set(); // optional purposes that this page already told the ledger were refused

const section = (purpose, box) =>
  make(
    "div", "purpose", {},
    make("h3", "subtitle", { textContent: purpose.title }),
    make("p", "text", { textContent: purpose.text }),
    box ? make("label", "check", {}, box, purpose.title) : make("p", "needed", { textContent: t.needed }),
  );

const makeBoxes = () => {
  const boxes = new Map();
  for (const purpose of notice.purposes) {
    if (purpose.necessity !== "RequestedService" && purpose.acceptance.includes("Checkbox")) {
      boxes.set(purpose.name, make("input", "box", { type: "checkbox", checked: granted(purpose.name) }));
    }
  }
  return boxes;
};

// save sends what changed: new consents and refusals, and withdrawals of what had been granted.
const save = async (boxes, ui) => {
  const names = [...boxes.keys()];
  const yes = names.filter((name) => boxes.get(name).checked && !granted(name));
  const gone = names.filter((name) => !boxes.get(name).checked && granted(name));
  // Who sends the signal is not asked, so that an empty box is no answer.
  const no = names.filter((name) => !boxes.get(name).checked && !gone.includes(name) && !refused.has(name) && !objects());
  if (gone.length) await withdraw(gone);
  if (yes.length + no.length) await choose(yes, no, ui);
  no.forEach((name) => refused.add(name));
};

export const preferences = async () => {
  load();
  if (dialog || !(await needNotice())) return;
  const { texts, purposes } = notice;
  const boxes = makeBoxes();
  const status = make("p", "status", { role: "status" });
  const words = make("p", "text", { textContent: texts.banner });
  const leave = () => dialog.close();
  const act = (work) => async () => {
    try {
      if ((await work()) === false) throw 0;
      leave();
      say(t.accepted);
    } catch {
      status.textContent = t.failed;
      fault("ledger");
    }
  };
  const buttons = asks()
    ? [
        button("accept", texts.accept, act(async () => (await agree("button", shown)) && save(boxes, shown()))),
        button("refuse", texts.refuse, act(refuse)),
      ]
    : [
        ...(boxes.size ? [button("save", t.save, act(() => save(boxes, shown())))] : []),
        ...(marker?.p ? [button("withdraw", t.withdraw, act(() => withdraw()))] : []),
      ];
  dialog = make(
    "dialog", "dialog", { "aria-labelledby": "rempart-choices", lang: language, dir: direction() },
    make("h2", "title", { id: "rempart-choices", textContent: texts.choices }),
    words,
    ...(objects() && boxes.size ? [make("p", "text", { textContent: t.gpc })] : []),
    ...purposes.map((purpose) => section(purpose, boxes.get(purpose.name))),
    make("p", "links", {}, ...wordLinks()),
    status,
    make("div", "buttons", {}, ...buttons, button("leave", t.close, leave)),
  );
  dialog.onclose = () => {
    dialog.remove();
    dialog = null;
    settled();
  };
  document.body.append(dialog);
  const shown = watch(words, words, dialog);
  dialog.showModal();
  return new Promise((resolve) => (settled = resolve));
};
