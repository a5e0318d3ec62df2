// A field with suggestions of the server (role="combobox"): what is typed is asked as `q`; the answer is a list of
// <li role="option" data-value="…">. Used by filters, steps of funnels, the palette.
import { all, announce, element, whenever } from "../dom";
import { text } from "../texts";

const WAIT_MS = 120;
const PASSING = new Set(["Tab", "Shift"]);

let made = 0;

export class Suggestions {
  private timer: ReturnType<typeof setTimeout> | undefined;
  private asked = "";
  private request: AbortController | undefined;

  constructor(
    private readonly input: HTMLInputElement,
    private readonly list: HTMLElement,
    private readonly url: string,
    private readonly choose: (option: HTMLElement) => void,
  ) {
    made += 1;
    list.id ||= `suggestions-${made}`;
    const attributes = { role: "combobox", "aria-autocomplete": "list", "aria-controls": list.id, "aria-expanded": "false", autocomplete: "off" };
    Object.entries(attributes).forEach(([name, value]) => input.setAttribute(name, value));
    input.addEventListener("input", () => this.askSoon());
    input.addEventListener("keydown", (event) => this.onKey(event));
    list.addEventListener("pointerdown", (event) => event.preventDefault()); // the field keeps the focus
    list.addEventListener("click", (event) => {
      const option = event.target instanceof Element ? event.target.closest<HTMLElement>('[role="option"]') : null;
      if (option) {
        event.preventDefault();
        this.choose(option);
      }
    });
  }

  ask(): void {
    clearTimeout(this.timer);
    void this.load();
  }

  close(): void {
    clearTimeout(this.timer);
    this.request?.abort();
    this.list.replaceChildren();
    this.asked = "";
    this.show();
  }

  private askSoon(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.load(), WAIT_MS);
  }

  private async load(): Promise<void> {
    const url = new URL(this.url, location.href);
    url.searchParams.set("q", this.input.value);
    this.request?.abort();
    this.request = new AbortController();
    try {
      const response = await fetch(url, { headers: { Accept: "text/html" }, signal: this.request.signal });
      if (!response.ok || response.redirected) {
        return;
      }
      this.asked = this.input.value;
      const answer = new DOMParser().parseFromString(await response.text(), "text/html");
      this.list.replaceChildren(...answer.body.childNodes);
    } catch {
      return; // the field is still a field
    }
    const options = this.options();
    options.forEach((option, index) => {
      option.id ||= `${this.list.id}-${index}`;
    });
    if (options.length === 0 && this.input.value) {
      this.list.append(element("li", { class: "nothing" }, text("no_matches")));
    }
    this.mark(options[0]);
    this.show();
    announce(options.length ? "" : text("no_matches"));
  }

  private isOpen(): boolean {
    return !this.list.hidden && this.options().length > 0;
  }

  /** What is marked once the answer is that for the text in the field. */
  private async chooseMarked(): Promise<void> {
    clearTimeout(this.timer);
    if (this.asked !== this.input.value || !this.isOpen()) {
      await this.load();
    }
    const marked = this.marked();
    if (marked) {
      this.choose(marked);
    }
  }

  private options(): HTMLElement[] {
    return all(this.list, '[role="option"]');
  }

  private marked(): HTMLElement | undefined {
    return this.options().find((option) => option.getAttribute("aria-selected") === "true");
  }

  private mark(option: HTMLElement | undefined): void {
    this.options().forEach((each) => each.setAttribute("aria-selected", String(each === option)));
    if (option) {
      this.input.setAttribute("aria-activedescendant", option.id);
      option.scrollIntoView({ block: "nearest" });
    } else {
      this.input.removeAttribute("aria-activedescendant");
    }
  }

  private show(): void {
    const isOpen = this.list.childElementCount > 0;
    this.list.hidden = !isOpen;
    this.input.setAttribute("aria-expanded", String(isOpen));
  }

  private onKey(event: KeyboardEvent): void {
    const options = this.options();
    const marked = this.marked();
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (options.length === 0) {
        this.ask();
        return;
      }
      const at = marked ? options.indexOf(marked) : -1;
      this.mark(options[(at + (event.key === "ArrowDown" ? 1 : -1) + options.length) % options.length]);
    } else if (event.key === "Enter" && (this.isOpen() || this.input.dataset["suggestName"])) {
      event.preventDefault(); // the form is sent by what is chosen, or by an Enter in a field whose list is closed
      void this.chooseMarked();
    } else if (event.key === "Escape" && !this.list.hidden && !this.input.closest("dialog")) {
      event.preventDefault();
      event.stopPropagation();
      this.close();
    } else if (PASSING.has(event.key)) {
      clearTimeout(this.timer);
    }
  }
}

/** input[data-suggest="address"]: a list below the field; the chosen value is put into the field, or added to the list of chosen values ([data-chosen]) of its form. */
export function startSuggestions(): void {
  whenever<HTMLInputElement>("input[data-suggest]", (input) => {
    const list = element("ul", { role: "listbox", class: "suggestions", hidden: "", "aria-label": input.getAttribute("aria-label") ?? input.labels?.[0]?.textContent ?? "" });
    const box = element("span", { class: "suggesting" });
    input.replaceWith(box);
    box.append(input, list);
    const suggestions = new Suggestions(input, list, input.dataset["suggest"] ?? "", (option) => {
      choose(input, option);
      suggestions.close();
      input.dispatchEvent(new Event("change", { bubbles: true }));
    });
    input.addEventListener("click", () => suggestions.ask());
    input.addEventListener("blur", () => suggestions.close());
  });
  document.addEventListener("click", (event) => {
    const button = event.target instanceof Element ? event.target.closest<HTMLElement>("[data-unchoose]") : null;
    if (button) {
      const list = button.closest("[data-chosen]");
      button.closest("li")?.remove();
      list?.dispatchEvent(new Event("change", { bubbles: true }));
    }
  });
}

function choose(input: HTMLInputElement, option: HTMLElement): void {
  const value = option.dataset["value"] ?? option.textContent?.trim() ?? "";
  const name = input.dataset["suggestName"];
  const chosen = name ? input.closest("form, [data-choosing]")?.querySelector(`[data-chosen="${CSS.escape(name)}"]`) : null;
  if (!name || !chosen) {
    input.value = value;
    return;
  }
  input.value = "";
  if (!all<HTMLInputElement>(chosen as HTMLElement, "input").some((each) => each.value === value)) {
    const hidden = element("input", { type: "hidden", name, value });
    const remove = element("button", { type: "button", class: "chip-remove", "data-unchoose": "", "aria-label": `× ${value}` }, "×");
    chosen.append(element("li", { class: "chip" }, hidden, element("bdi", {}, option.dataset["label"] ?? value), remove));
  }
}

/** <form data-values="address">: the values of the dimension in `fd`, with their counts, as options of the field `fv`. */
export function startValues(): void {
  whenever<HTMLFormElement>("form[data-values]", (form) => {
    const [dimension, value] = ["fd", "fv"].map((name) => form.querySelector<HTMLInputElement>(`input[name="${name}"]`));
    const list = document.getElementById(value?.getAttribute("list") ?? "");
    let timer: ReturnType<typeof setTimeout> | undefined;
    const load = async (): Promise<void> => {
      const url = new URL(form.dataset["values"] ?? "", location.href);
      new URLSearchParams(location.search).forEach((each, name) => url.searchParams.append(name, each));
      url.searchParams.set("dimension", dimension?.value ?? "");
      url.searchParams.set("prefix", value?.value ?? "");
      const response = await fetch(url, { headers: { Accept: "text/html" } }).catch(() => null);
      if (response?.ok && !response.redirected && list) {
        const answer = new DOMParser().parseFromString(`<datalist>${await response.text()}</datalist>`, "text/html");
        list.replaceChildren(...answer.querySelectorAll("option"));
      }
    };
    const soon = (): void => {
      clearTimeout(timer);
      timer = setTimeout(() => void load(), WAIT_MS);
    };
    dimension?.addEventListener("change", soon);
    value?.addEventListener("input", soon);
    value?.addEventListener("focus", soon);
  });
}
