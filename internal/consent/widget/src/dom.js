import css from "./widget.css";

// make creates an element with our class, properties or attributes, and children. Nothing here parses markup or sets a
// style attribute: pages may forbid both.
export const make = (tag, name, props, ...children) => {
  const element = document.createElement(tag);
  element.className = "rempart-" + name;
  set(element, props);
  element.append(...children);
  return element;
};

export const set = (element, props) => {
  for (const name in props) {
    if (name in element) element[name] = props[name];
    else element.setAttribute(name, props[name]);
  }
};

export const button = (name, textContent, act) =>
  make("button", "button rempart-" + name, {
    type: "button",
    textContent,
    // A click that a script made is nobody's act.
    onclick: (event) => (event.isTrusted || navigator.userActivation?.isActive) && act(event),
  });

export const link = (textContent, href) =>
  make("a", "link", { textContent, href, target: "_blank", rel: "noopener noreferrer" });

export const dress = () => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
};
