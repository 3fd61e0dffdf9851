// Was it really shown? An acceptance counts only if its words were in view, opaque and not covered at that moment.

// bare tells whether the words can be read: no style of the page made them transparent, tiny, hidden or of the colour of
// what lies behind them.
const bare = (element) => {
  const { color, fontSize, visibility, webkitTextFillColor: fill } = getComputedStyle(element);
  if (visibility !== "visible" || parseFloat(fontSize) < 9 || /rgba|\//.test(color + fill)) return false;
  let opacity = 1;
  let behind;
  for (let e = element; e; e = e.parentElement) {
    const style = getComputedStyle(e);
    if (style.filter.includes("opacity")) return false;
    opacity *= style.opacity;
    if (!behind && style.backgroundColor !== "rgba(0, 0, 0, 0)") behind = style.backgroundColor;
  }
  return opacity > 0.9 && behind !== color;
};

// clear tells whether nothing lies over the element's centre. What is scrolled out of the frame is not asked.
const clear = (element, frame) => {
  const { left, right, top, bottom } = element.getBoundingClientRect();
  const x = (left + right) / 2;
  const y = (top + bottom) / 2;
  if (y < Math.max(0, frame.top) || y > Math.min(innerHeight, frame.bottom)) return element.tagName === "BUTTON";
  return element.contains(document.elementFromPoint(x, y));
};

// watch starts to measure, and returns how to ask: {shownMs, visible}. words is the element with the text, frame the one
// that scrolls it.
export const watch = (element, words, frame) => {
  let since = 0;
  let total = 0;
  const take = (entries) => {
    for (const { intersectionRatio, time } of entries) {
      if (since) total += time - since;
      since = intersectionRatio < 0.5 ? 0 : time;
    }
  };
  const observer = new IntersectionObserver(take, { threshold: 0.5 });
  observer.observe(element);
  return () => {
    take(observer.takeRecords());
    const box = frame.getBoundingClientRect();
    const parts = [words, ...element.querySelectorAll("button")];
    return {
      shownMs: Math.round(total + (since && performance.now() - since)),
      visible: !!since && bare(words) && parts.every((part) => clear(part, box)),
    };
  };
};
