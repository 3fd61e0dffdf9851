// Was it really shown? An acceptance counts only if its words were in view, opaque and not covered at that moment.

// watch starts to measure whole, the banner, or the dialog of choices, which frame scrolls. It returns how to ask: {shownMs, visible}, for how
// long half of it has been in view, and whether that can be read which it says. Where it is taller than the screen, at high zoom, a third of the
// screen is enough.
export const watch = (whole, frame) => {
  let since = 0;
  const take = (entries) =>
    entries.forEach((entry) => (since = entry.intersectionRatio < 0.5 && entry.intersectionRect.height < innerHeight / 3 ? 0 : since || entry.time));
  const observer = new IntersectionObserver(take, { threshold: [0.2, 0.5] });
  observer.observe(whole);
  // Of the words, and of the buttons beside them, each line that is not empty must be seen. Spaces at its end have a box of their own,
  // which may stick out.
  const clear = (element) => {
    const range = new Range();
    range.selectNodeContents(element);
    const lines = [...range.getClientRects()].filter((line) => line.width);
    return lines[0] && lines.every((line, i) => {
      const x = line.x + line.width / 2;
      const y = line.y + 9;
      // legible tells whether no style of the page made the line transparent, blurred, dots, or of the colour of what lies behind it, moved it
      // out of what it stands in, or cut it off, and that nothing lies over it, where frame does not scroll it away. What frame stands
      // in is not asked: its filters, such as a visitor's own against glare, do not reach panel and dialog, which lie above the page. color is
      // that of the line, 0 once something was passed that hides what lies further behind; of a button it is not asked.
      const legible = (around, color) => {
        const style = getComputedStyle(around);
        const box = around.getBoundingClientRect();
        color ??= style.webkitTextFillColor;
        return (
          !/[^noe,]/.test([style.filter, style.webkitTextSecurity]) && // each is none, or unknown to this browser
          !/rgba|\//.test(color) &&
          style.backgroundColor !== color &&
          style.opacity > 0.9 &&
          (around === frame
            ? line.y < box.y || line.bottom > box.bottom || element.contains(document.elementFromPoint(x, y))
            : x > box.x && x < box.right && y > box.y && y < box.bottom &&
              legible(around.parentNode, /rgba|\//.test(style.backgroundColor) ? color : 0))
        );
      };
      return line.y === lines[i - 1]?.y || (line.height > 9 && legible(element, element.type));
    });
  };
  return () => {
    take(observer.takeRecords());
    return {
      visible: since && [...whole.querySelectorAll("div>p,label,button")].every(clear),
      shownMs: performance.now() - since, // of no meaning where it is not visible
    };
  };
};
