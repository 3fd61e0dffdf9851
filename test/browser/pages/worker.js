// The service worker of a page that cheats.
