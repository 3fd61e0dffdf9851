// The shop's own banner. What it was told is the shop's to remember; the widget is told once.
const banner = document.getElementById("banner");
document.getElementById("decline").addEventListener("click", () => banner.remove());
document.getElementById("agree").addEventListener("click", () => {
  (window.rempartQueue = window.rempartQueue || []).push(["consentCollected"]);
  banner.remove();
});
