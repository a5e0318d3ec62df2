// Keys of the page: [data-key="d"] is clicked (or, if it is typed into, focused) by its key; `?` lists all of them.
import { all, element, takesText, whenever } from "../dom";
import { text } from "../texts";
import { recall, remember } from "./stored";

const OFF = "keys-off";

export function startKeyboard(): void {
  document.addEventListener("keydown", (event) => {
    const isPlain = !event.ctrlKey && !event.metaKey && !event.altKey && !event.defaultPrevented && !event.isComposing;
    const isBusy = takesText(event) || document.querySelector("dialog[open]:modal") !== null;
    if (!isPlain || isBusy || recall(OFF) === "yes" || isMoving(event)) {
      return;
    }
    const found = elementOf(event.key);
    if (found) {
      event.preventDefault();
      use(found);
    }
  });
  whenever("[data-keys-list]", (list) => list.replaceChildren(...described()));
  whenever<HTMLInputElement>("input[data-keys-off]", (box) => {
    box.checked = recall(OFF) === "yes";
    box.addEventListener("change", () => remember(OFF, box.checked ? "yes" : ""));
  });
  document.addEventListener("click", (event) => {
    if (event.target instanceof Element && event.target.closest('[data-key="?"]')) {
      all(document, "[data-keys-list]").forEach((list) => list.replaceChildren(...described()));
    }
  });
}

/** The element of a key: one that is seen before one in a menu that is closed. Escape closes what is open first. */
function elementOf(key: string): HTMLElement | undefined {
  if (key === "Escape" && document.querySelector("details:is(.menu, .picker, [data-menu])[open], .side.is-open, :popover-open")) {
    return undefined;
  }
  const name = KEYS[key] ?? key;
  const found = all(document, `[data-key="${CSS.escape(name)}"]`).filter((each) => !each.closest("[hidden], [inert], dialog:not([open])"));
  return found.find((each) => each.checkVisibility()) ?? found[0];
}

function use(found: HTMLElement): void {
  if (found instanceof HTMLDetailsElement) {
    found.open = true;
    found.querySelector<HTMLElement>("input:not([type=hidden]), a[href]")?.focus();
  } else if (takesText(found)) {
    found.focus();
  } else {
    found.click();
  }
}

/** Arrow keys that an element uses itself. */
function isMoving(event: KeyboardEvent): boolean {
  const target = event.target;
  const usesArrows = '[role="tablist"], [role="menu"], [role="listbox"], [role="grid"], [role="radiogroup"], details[data-menu], .picker, .menu, .chart-canvas, .table-scroll, [data-scroll]';
  return event.key.startsWith("Arrow") && target instanceof Element && target.closest(usesArrows) !== null;
}

/** How attributes call keys whose names are long. */
const KEYS: Readonly<Record<string, string>> = { ArrowLeft: "left", ArrowRight: "right" };
const KEY_NAMES: Readonly<Record<string, string>> = { left: "←", right: "→", Escape: "Esc" };

function nameOf(each: HTMLElement): string {
  const named = each.querySelector("summary") ?? each;
  const words = [...named.childNodes].filter((node) => node.nodeName !== "KBD").map((node) => node.textContent ?? "");
  return named.getAttribute("aria-label") ?? words.join(" ").replace(/\s+/g, " ").trim();
}

function described(): HTMLElement[] {
  const seen = new Map<string, string>();
  for (const each of all(document, "[data-key]")) {
    const key = each.dataset["key"] ?? "";
    const name = each.dataset["keyName"] ?? nameOf(each);
    if (!seen.has(key) && name) {
      seen.set(key, name);
    }
  }
  const off = recall(OFF) === "yes" ? [element("p", {}, text("shortcuts_off"))] : [];
  const rows = [...seen].map(([key, name]) => element("div", {}, element("dt", {}, element("kbd", {}, KEY_NAMES[key] ?? key)), element("dd", {}, name)));
  return [...off, element("dl", { class: "keys" }, ...rows)];
}
