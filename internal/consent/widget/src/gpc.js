// The signal of Global Privacy Control. Only true is a signal: an absent or false one is no consent.
export const gpc = () => navigator.globalPrivacyControl === true;
