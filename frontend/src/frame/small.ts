// Copy buttons, times in the zone of who looks, print, full screen.
import { announce, closest, element, whenever } from "../dom";
import { instant } from "../charts/formats";
import { text } from "../texts";

export function startSmall(): void {
  document.addEventListener("click", (event) => {
    const copier = closest(event, ":is(button, a)[data-copy], [data-copy-from]");
    if (copier) {
      void copy(copier, textOf(copier));
    } else if (closest(event, "[data-print]")) {
      print();
    } else if (closest(event, "[data-full-screen]")) {
      void (document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen());
    }
  });
  whenever<HTMLInputElement>("input[data-narrow]", (field) => {
    const list = document.getElementById(field.dataset["narrow"] ?? "");
    field.addEventListener("input", () => {
      for (const item of list?.children ?? []) {
        (item as HTMLElement).hidden = !item.textContent?.toLocaleLowerCase().includes(field.value.toLocaleLowerCase());
      }
    });
  });
  whenever("pre[data-copy]", (block) => {
    const button = element("button", { type: "button", class: "button is-quiet copy-button" }, text("copy"));
    button.addEventListener("click", () => void copy(button, block.innerText));
    block.before(button);
  });
  whenever("time[datetime]", (time) => {
    const at = time.getAttribute("datetime") ?? "";
    if (/T.*(Z|[+-]\d\d:?\d\d)$/.test(at) && !time.title) {
      time.title = text("local_time", { time: instant(at) });
    }
  });
}

/** [data-copy="text"] copies the text; [data-copy-from="ID"] what an element shows. */
function textOf(button: HTMLElement): string {
  const from = document.getElementById(button.dataset["copyFrom"] ?? "");
  const shown = from instanceof HTMLInputElement || from instanceof HTMLTextAreaElement ? from.value : from?.innerText;
  return shown ?? button.dataset["copy"] ?? "";
}

async function copy(button: HTMLElement, value: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(value);
    say(button, text("copied"));
  } catch {
    say(button, text("not_copied"));
  }
}

function say(button: HTMLElement, message: string): void {
  announce(message);
  button.setAttribute("data-said", message);
  setTimeout(() => button.removeAttribute("data-said"), 2000);
}
