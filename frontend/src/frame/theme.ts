// Light, dark or as the system says: buttons with data-theme-choice.
import { all, whenever } from "../dom";
import { recall, remember } from "./stored";

/** What the page fires when its colours change; charts are drawn again. */
export const THEME_CHANGED = "questlog:theme";

export function startTheme(): void {
  whenever("[data-theme-choice]", (button) => {
    show(button);
    button.addEventListener("click", () => choose(button.dataset["themeChoice"] ?? ""));
  });
  for (const query of ["(prefers-color-scheme: dark)", "(forced-colors: active)"]) {
    matchMedia(query).addEventListener("change", () => document.dispatchEvent(new Event(THEME_CHANGED)));
  }
}

function choose(theme: string): void {
  remember("theme", theme);
  if (theme === "light" || theme === "dark") {
    document.documentElement.dataset["theme"] = theme;
  } else {
    delete document.documentElement.dataset["theme"];
  }
  all(document, "[data-theme-choice]").forEach(show);
  document.dispatchEvent(new Event(THEME_CHANGED));
}

function show(button: HTMLElement): void {
  const chosen = recall("theme") || document.documentElement.dataset["theme"] || "system";
  button.setAttribute("aria-pressed", String(button.dataset["themeChoice"] === chosen));
}
