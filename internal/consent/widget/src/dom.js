import css from "./widget.css";

export const set = (element, props) => {
  for (const name in props) {
    if (name in element) element[name] = props[name];
    else element.setAttribute(name, props[name]);
  }
};

// make creates an element with our class, properties or attributes, and children. Nothing here parses markup or sets a
// style attribute: pages may forbid both.
export const make = (tag, name, props, ...children) => {
  const element = document.createElement(tag);
  set(element, { className: "rempart-" + name, ...props });
  element.append(...children);
  return element;
};

export const text = (name, textContent) => make("p", name, { textContent });

export const button = (name, act, textContent = "") =>
  make("button", "button rempart-" + name, {
    type: "button",
    textContent,
    // A click that a script made is nobody's act.
    onclick: (event) => (event.isTrusted || navigator.userActivation?.isActive) && act(),
  });

export const dress = () => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
};
