import { language, notice, texts } from "./i18n.js";

// make creates an element with our class and language, properties, and those of the children that there are. Nothing here parses markup or
// sets a style attribute: pages may forbid both. Role and ARIA states are properties too.
export const make = (tag, name, props, ...children) => {
  const element = Object.assign(document.createElement(tag), { lang: language, className: "rempart-" + name }, props);
  element.append(...children.filter((child) => child));
  return element;
};

export const text = (name, words) => make("p", name, {}, words);

// button has the words of its name.
export const button = (name, act) =>
  make("button", "button rempart-" + name, {
    type: "button",
    // A click that a script made is nobody's act.
    onclick: (event) => event.isTrusted && act(),
  }, texts[name]);

// check is a box that nobody ticked, with its words.
export const check = (words, props) => make("label", "check", {}, make("input", "box", { type: "checkbox", ...props }), words);

// links is a row of a button and the links of the notice.
export const links = (first) =>
  make("div", "links", {}, first, ...notice.links.map(({ href, text }) => make("a", "link", { target: "_blank", rel: "noreferrer", href }, text)));
