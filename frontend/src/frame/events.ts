// Names of what the page fires.

/** On the document, before #page is exchanged. */
export const BEFORE_SWAP = "questlog:before-swap";

/** On the document, after #page was exchanged. */
export const AFTER_SWAP = "questlog:after-swap";
