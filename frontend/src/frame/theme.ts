// Charts take their colours from the page: they are drawn again when these change.

/** What the page fires when its colours change. */
export const THEME_CHANGED = "questlog:theme";

export function startTheme(): void {
  const changed = (): boolean => document.dispatchEvent(new Event(THEME_CHANGED));
  for (const query of ["(prefers-color-scheme: dark)", "(forced-colors: active)"]) {
    matchMedia(query).addEventListener("change", changed);
  }
  new MutationObserver(changed).observe(document.documentElement, { attributeFilter: ["data-theme"] });
}
