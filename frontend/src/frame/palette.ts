// The palette: a dialog with a search field (data-palette is the address that answers with options) and a list of links.
import { whenever } from "../dom";
import { Suggestions } from "./suggestions";

export function startPalette(): void {
  whenever<HTMLDialogElement>("dialog[data-palette]", (dialog) => {
    const input = dialog.querySelector<HTMLInputElement>("input");
    const list = dialog.querySelector<HTMLElement>('[role="listbox"]');
    if (!input || !list) {
      return;
    }
    const suggestions = new Suggestions(input, list, dialog.dataset["palette"] ?? "", (option) => {
      dialog.close();
      option.querySelector<HTMLAnchorElement>("a")?.click();
    });
    new MutationObserver(() => dialog.open && suggestions.ask()).observe(dialog, { attributeFilter: ["open"] });
    dialog.addEventListener("close", () => (input.value = ""));
  });
}
