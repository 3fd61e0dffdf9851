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
const clear = (element, top, bottom) => {
  const box = element.getBoundingClientRect();
  const y = (box.top + box.bottom) / 2;
  return y < top || y > bottom || element.contains(document.elementFromPoint((box.left + box.right) / 2, y));
};

// watch starts to measure, and returns how to ask: {shownMs, visible}. words is the element with the text, in element; frame
// scrolls it. Of a banner that is taller than the frame, at high zoom, half of the frame is enough.
export const watch = (element, words, frame) => {
  let since = 0;
  let total = 0;
  const take = (entries) => {
    for (const { intersectionRatio, intersectionRect, time } of entries) {
      if (since) total += time - since;
      since = intersectionRatio < 0.5 && intersectionRect.height < innerHeight / 3 ? 0 : time;
    }
  };
  const observer = new IntersectionObserver(take, { threshold: [0.1, 0.2, 0.3, 0.4, 0.5] });
  observer.observe(words);
  return () => {
    take(observer.takeRecords());
    const shownMs = Math.round(total + (since && performance.now() - since));
    const outer = frame.getBoundingClientRect();
    const box = element.getBoundingClientRect();
    const text = words.getBoundingClientRect();
    const top = Math.max(outer.top, 0);
    const bottom = Math.min(outer.bottom, innerHeight);
    const half = Math.min(box.height, bottom - top) / 2;
    const parts = [words, ...element.querySelectorAll("button")];
    return {
      shownMs,
      visible:
        shownMs > 0 && bare(words) && text.top >= box.top && text.bottom <= box.bottom &&
        Math.min(bottom, box.bottom) - Math.max(top, box.top) >= half && parts.every((part) => clear(part, top, bottom)),
    };
  };
};
