// Small helpers for the page's elements.

/** Every element below `root` that matches, `root` too. */
export function all<E extends HTMLElement = HTMLElement>(root: ParentNode, selector: string): E[] {
  const found = [...root.querySelectorAll<E>(selector)];
  return root instanceof HTMLElement && root.matches(selector) ? [root as E, ...found] : found;
}

/** The element of an event, or the nearest above it, that matches. */
export function closest<E extends HTMLElement = HTMLElement>(event: Event, selector: string): E | null {
  const target = event.target;
  return target instanceof Element ? target.closest<E>(selector) : null;
}

/** A new element with a class, attributes and children. Text is text: it is never read as HTML. */
export function element<K extends keyof HTMLElementTagNameMap>(
  name: K,
  attributes: Readonly<Record<string, string>> = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

const SVG = "http://www.w3.org/2000/svg";

/** A new element of SVG. */
export function svg(name: string, attributes: Readonly<Record<string, string>> = {}, ...children: Node[]): SVGElement {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) {
    made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

/** Calls `start` for what is in the page now and for everything that comes into it later, each element once. */
export function whenever<E extends HTMLElement = HTMLElement>(selector: string, start: (found: E) => void): void {
  const known = new WeakSet<Element>();
  starters.push((root) => {
    for (const found of all<E>(root, selector)) {
      if (!known.has(found)) {
        known.add(found);
        start(found);
      }
    }
  });
}

const starters: ((root: ParentNode) => void)[] = [];

/** Starts what is new below `root`. */
export function startBelow(root: ParentNode): void {
  for (const start of starters) {
    start(root);
  }
}

/** Says something to screen readers, without moving the focus. */
export function announce(message: string): void {
  const region = document.getElementById("announcer") ?? makeAnnouncer();
  region.textContent = message;
}

function makeAnnouncer(): HTMLElement {
  const made = element("div", { id: "announcer", role: "status", "aria-live": "polite", class: "sr-only" });
  document.body.append(made);
  return made;
}

/** Whether keys typed there are text; what is inside of an editor counts. */
export function takesText(typed: Event | HTMLElement): boolean {
  const target = typed instanceof Event ? typed.composedPath()[0] : typed;
  if (!(target instanceof HTMLElement)) {
    return false;
  }
  const isTyped = target instanceof HTMLInputElement && !["checkbox", "radio", "button", "submit", "reset"].includes(target.type);
  return isTyped || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement || target.isContentEditable;
}
