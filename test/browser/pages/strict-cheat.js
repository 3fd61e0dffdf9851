// What a page must not do under the strictest policy. Each is refused; some throw.
for (const breach of [
  () => document.querySelector("h1").click(), // the handler in its attribute
  () => (document.body.innerHTML = "<b>Tricheur</b>"),
  () => window.trustedTypes.createPolicy("cheat", {}),
  () => (new Image().src = "cheat.png"),
  () => fetch("http://127.0.0.1:9/").catch(() => {}),
]) {
  try {
    breach();
  } catch {
    // refused
  }
}
