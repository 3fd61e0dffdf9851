// Was it really shown? An acceptance counts only if its words were in view, opaque and not covered at that moment.

// bare tells whether the words can be read: no style of the page made them transparent, tiny, hidden or of the colour of
// what lies behind them.
const bare = (element) => {
  let { color, fontSize, visibility, webkitTextFillColor } = getComputedStyle(element);
  let opacity = visibility !== "visible" || parseFloat(fontSize) < 9 || /rgba|\//.test(color + webkitTextFillColor) ? 0 : 1;
  for (; element; element = element.parentElement) {
    const style = getComputedStyle(element);
    opacity *= style.filter.includes("opacity") || style.backgroundColor === color ? 0 : style.opacity;
    if (style.backgroundColor !== "rgba(0, 0, 0, 0)") color = 0; // what lies further behind is not seen
  }
  return opacity > 0.9;
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
    const shownMs = Math.ceil(total + (since && performance.now() - since));
    const [outer, box, text, ...buttons] = [frame, element, words, ...element.querySelectorAll("button")].map((one) => one.getBoundingClientRect());
    const top = Math.max(outer.top, 0);
    const bottom = Math.min(outer.bottom, innerHeight);
    // Nothing may lie over the middle of the words and of the buttons, where they are not scrolled out of the frame.
    const clear = ({ left, right, top: from, bottom: to }) =>
      from + to < 2 * top || from + to > 2 * bottom || element.contains(document.elementFromPoint((left + right) / 2, (from + to) / 2));
    return {
      shownMs,
      visible:
        shownMs > 0 && bare(words) && text.top >= box.top && text.bottom <= box.bottom &&
        2 * (Math.min(bottom, box.bottom) - Math.max(top, box.top)) >= Math.min(box.height, bottom - top) &&
        [text, ...buttons].every(clear),
    };
  };
};
