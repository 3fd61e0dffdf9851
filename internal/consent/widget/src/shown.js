// Was it really shown? An acceptance counts only if its words were in view, opaque and not covered at that moment.

// legible tells whether no style of the page made the words transparent, tiny, or of the colour of what lies behind them.
const legible = (element) => {
  const own = getComputedStyle(element);
  let color = own.color;
  let opacity = own.fontSize.slice(0, -2) >= 9 && !/rgba|\//.test(color + own.webkitTextFillColor); // pixels; false is 0, true is 1
  for (; element; element = element.parentElement) {
    const style = getComputedStyle(element);
    opacity *= !style.filter.includes("opacity") && style.backgroundColor !== color && style.opacity;
    if (style.backgroundColor !== "rgba(0, 0, 0, 0)") color = 0; // what lies further behind is not seen
  }
  return opacity > 0.9;
};

// watch starts to measure, and returns how to ask: {shownMs, visible}, for how long half of what has the words (a banner, a
// dialog) has been in view. frame scrolls it. Where it is taller than the screen, at high zoom, a third of the screen is enough.
export const watch = (words, frame) => {
  let since = 0;
  const take = (entries) => {
    for (const entry of entries)
      since = entry.intersectionRatio < 0.5 && entry.intersectionRect.height < innerHeight / 3 ? 0 : since || entry.time;
  };
  const observer = new IntersectionObserver(take, { threshold: [0.1, 0.2, 0.3, 0.4, 0.5] });
  observer.observe(words.parentNode);
  return () => {
    take(observer.takeRecords());
    const outer = frame.getBoundingClientRect();
    // Nothing may lie over the middle of what is seen of the words and of the buttons beside them.
    const clear = (element) => {
      const box = element.getBoundingClientRect();
      const from = Math.max(outer.top, box.top, 0);
      const to = Math.min(outer.bottom, box.bottom, innerHeight);
      return from > to || element.contains(document.elementFromPoint((box.left + box.right) / 2, (from + to) / 2));
    };
    const shownMs = since && performance.now() - since;
    return { visible: shownMs > 0 && legible(words) && [words, ...words.parentNode.querySelectorAll("button")].every(clear), shownMs };
  };
};
