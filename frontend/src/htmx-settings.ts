// htmx reads its settings once, from a <meta>, when it is loaded: import this module before it.

const settings = {
  includeIndicatorCSS: false, // ours is in the style sheet
  history: false, // frame/navigation.ts keeps it
  defaultSettleDelay: 0,
  defaultTimeout: 0, // the server ends a question that takes too long, and says so
  noSwap: [204, 304],
};

const meta = document.createElement("meta");
meta.name = "htmx-config";
meta.content = JSON.stringify(settings);
document.head.append(meta);

export {};
