/* global REMPART */

// What the policy says about this site: widget.Config of the Go package, a literal in the served script.
export const config = REMPART;

// Times in the marker are whole seconds.
export const seconds = () => Math.floor(Date.now() / 1000);

// random128 makes an identifier of 128 bits, base64url, 22 characters.
export const random128 = () =>
  btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(16))))
    .replace(/\+/g, "-")
    .replace(/\//g, "_")
    .slice(0, 22);
