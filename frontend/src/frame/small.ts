// Copy buttons, times in the zone of who looks, print, full screen.
import { announce, closest, whenever } from "../dom";
import { instant } from "../charts/formats";
import { text } from "../texts";

export function startSmall(): void {
  document.addEventListener("click", (event) => {
    const copier = closest(event, "[data-copy], [data-copy-from]");
    if (copier) {
      void copy(copier);
    } else if (closest(event, "[data-print]")) {
      print();
    } else if (closest(event, "[data-full-screen]")) {
      void (document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen());
    }
  });
  whenever("time[datetime]", (time) => {
    const at = time.getAttribute("datetime") ?? "";
    if (/T.*(Z|[+-]\d\d:?\d\d)$/.test(at) && !time.title) {
      time.title = text("local_time", { time: instant(at) });
    }
  });
}

/** [data-copy="text"] copies the text; [data-copy-from="ID"] what an element shows. */
async function copy(button: HTMLElement): Promise<void> {
  const from = document.getElementById(button.dataset["copyFrom"] ?? "");
  const value = from instanceof HTMLInputElement || from instanceof HTMLTextAreaElement ? from.value : from?.innerText;
  try {
    await navigator.clipboard.writeText(value ?? button.dataset["copy"] ?? "");
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
