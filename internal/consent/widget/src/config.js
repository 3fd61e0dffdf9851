/* global REMPART */

// What the policy says about this site: widget.Config of the Go package, in the order of its literal. By position, because
// names of properties cannot be shortened and every visitor would load them twice.
export let [
  site, host, languages, defaultLanguage, built, requested, asserted, byMessage, cookie, perTab,
  consentTTL, sessionTTL, readAtLoad, rememberRefusal, ephemeral, linked, doNotTrack, sendURL,
] = REMPART;

// isRequested tells whether the requested service needs a purpose.
export const isRequested = (name) => requested.includes(name);

export const useHost = (other) => (host = other || host);

// Times in the marker are whole seconds.
export const seconds = () => Math.floor(Date.now() / 1000);

// random128 makes an identifier of 128 random bits, base64url, 22 characters. That + and / become one character costs less
// than one of the bits.
export const random128 = () =>
  btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(16)))).replace(/\W/g, "-").slice(0, 22);
