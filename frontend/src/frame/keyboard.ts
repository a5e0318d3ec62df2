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
    const found = all(document, `[data-key="${CSS.escape(event.key)}"]`).find((each) => each.checkVisibility());
    if (found) {
      event.preventDefault();
      if (takesText(found)) {
        found.focus();
      } else {
        found.click();
      }
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

/** Arrow keys that an element uses itself. */
function isMoving(event: KeyboardEvent): boolean {
  const target = event.target;
  const usesArrows = '[role="tablist"], [role="menu"], [role="listbox"], [role="grid"], [role="radiogroup"], details[data-menu], .chart-canvas, [data-scroll]';
  return event.key.startsWith("Arrow") && target instanceof Element && target.closest(usesArrows) !== null;
}

const KEY_NAMES: Readonly<Record<string, string>> = { ArrowLeft: "←", ArrowRight: "→", Escape: "Esc" };

function described(): HTMLElement[] {
  const seen = new Map<string, string>();
  for (const each of all(document, "[data-key]")) {
    const key = each.dataset["key"] ?? "";
    const name = each.dataset["keyName"] ?? each.getAttribute("aria-label") ?? each.textContent?.replace(/\s+/g, " ").trim() ?? "";
    if (!seen.has(key) && name) {
      seen.set(key, name);
    }
  }
  const off = recall(OFF) === "yes" ? [element("p", {}, text("shortcuts_off"))] : [];
  const rows = [...seen].map(([key, name]) => element("div", {}, element("dt", {}, element("kbd", {}, KEY_NAMES[key] ?? key)), element("dd", {}, name)));
  return [...off, element("dl", { class: "keys" }, ...rows)];
}
