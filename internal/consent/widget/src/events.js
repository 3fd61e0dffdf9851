// CustomEvents on document, for the page. Their detail never holds personal data.
export const prefix = "rempart:";

export const emit = (type, detail = {}) => {
  document.dispatchEvent(new CustomEvent(prefix + type, { detail }));
};

// on calls listen with each detail.
export const on = (type, listen) => document.addEventListener(prefix + type, (event) => listen(event.detail));

export const fault = (code) => emit("error", { code });
