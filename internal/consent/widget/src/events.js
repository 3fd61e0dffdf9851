// CustomEvents on document, for the page. Their detail never holds personal data.
export const prefix = "rempart:";

export const emit = (type, detail = {}) => {
  document.dispatchEvent(new CustomEvent(prefix + type, { detail }));
};

// on calls listen with each detail, and returns how to stop.
export const on = (type, listen) => {
  const hear = (event) => listen(event.detail);
  document.addEventListener(prefix + type, hear);
  return () => document.removeEventListener(prefix + type, hear);
};

export const fault = (code) => emit("error", { code });
