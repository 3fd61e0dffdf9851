import { doNotTrack } from "./config.js";

// The signal of Global Privacy Control. Only true is a signal: an absent or false one is no consent.
export const gpc = () => navigator.globalPrivacyControl === true;

// objects tells whether the visitor's browser asks not to be asked about optional purposes.
export const objects = () => gpc() || (doNotTrack && navigator.doNotTrack === "1");
