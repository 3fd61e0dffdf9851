// Was it really shown? An acceptance counts only if its words were in view, opaque and not covered at that moment.

// legible tells whether no style of the page made the words transparent, blurred, dots, or of the colour of what lies behind them. The page's
// root is not asked: its filters, such as a visitor's own against glare, do not reach panel and dialog, which lie above the page. color is that of
// the words, 0 once something was passed that hides what lies further behind.
const legible = (element, color) => {
  const style = getComputedStyle(element);
  color ??= style.webkitTextFillColor;
  return (
    !/[^noe,]/.test([style.filter, style.webkitTextSecurity]) && // each is none, or unknown to this browser
    !/rgba|\//.test(color) &&
    style.backgroundColor !== color &&
    style.opacity > 0.9 &&
    (element === document.body || legible(element.parentElement, style.backgroundColor === "rgba(0, 0, 0, 0)" ? color : 0))
  );
};

// watch starts to measure, and returns how to ask: {shownMs, visible}, for how long half of what has the words (a banner, a
// dialog) has been in view. frame scrolls it. Where it is taller than the screen, at high zoom, a third of the screen is enough.
export const watch = (words, frame) => {
  let since = 0;
  const take = (entries) =>
    entries.forEach((entry) => (since = entry.intersectionRatio < 0.5 && entry.intersectionRect.height < innerHeight / 3 ? 0 : since || entry.time));
  const observer = new IntersectionObserver(take, { threshold: [0.2, 0.5] });
  observer.observe(words.parentNode);
  return () => {
    take(observer.takeRecords());
    const outer = frame.getBoundingClientRect();
    // Of the words and of the buttons beside them each line within the frame must be seen: not tiny, not moved out of its element or cut off
    // by it, and nothing over its middle.
    const clear = (element) => {
      const range = new Range();
      range.selectNodeContents(element);
      const lines = [...range.getClientRects()];
      return lines[0] && lines.every((box) =>
        box.y < outer.y || box.bottom > outer.bottom ||
        (box.height > 9 && element.contains(document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2))));
    };
    return {
      visible: since > 0 && legible(words) && [words, ...words.parentNode.querySelectorAll("button")].every(clear),
      shownMs: since && performance.now() - since,
    };
  };
};
