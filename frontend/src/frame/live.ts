// What arrives by itself, by server-sent events. [data-live="address"]:
//   event "rows": HTML of rows, newest first, put on top of [data-live-rows] (which keeps data-live-max of them);
//   event "parts": JSON {"id": "HTML"}: new insides of elements by their ids;
//   event "more": a number of rows that were left out, added up in [data-live-more].
// At most some updates a second; nothing while the tab is hidden; [data-live-pause] holds everything back.
import htmx from "htmx.org";
import { all, startBelow, whenever } from "../dom";
import { text } from "../texts";
import { AFTER_SWAP } from "./events";

const EVERY_MS = 400;
const HIDDEN_MS = 5000;
const MOST_ROWS = 200;

export function startLive(): void {
  whenever("[data-live]", (place) => new Live(place));
}

class Live {
  private source: EventSource | undefined;
  private rows: string[] = [];
  private parts = new Map<string, string>();
  private more = 0;
  private isPaused = false;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private hidden: ReturnType<typeof setTimeout> | undefined;
  private readonly button: HTMLElement | null;
  private readonly onVisibility = (): void => this.followVisibility();

  constructor(private readonly place: HTMLElement) {
    this.button = place.querySelector("[data-live-pause]");
    this.button?.addEventListener("click", () => this.pause(!this.isPaused));
    document.addEventListener("visibilitychange", this.onVisibility);
    document.addEventListener(AFTER_SWAP, this.onVisibility);
    this.connect();
  }

  private connect(): void {
    this.source?.close();
    const source = new EventSource(this.place.dataset["live"] ?? "");
    this.source = source;
    source.addEventListener("rows", (event) => this.take(() => this.takeRows(String(event.data))));
    source.addEventListener("parts", (event) => this.take(() => this.takeParts(String(event.data))));
    source.addEventListener("more", (event) => this.take(() => (this.more += Number(event.data) || 0)));
    source.addEventListener("open", () => this.say(this.isPaused ? "paused" : "live"));
    source.addEventListener("error", () => this.say("reconnecting"));
  }

  private take(keep: () => void): void {
    if (!this.place.isConnected) {
      this.end();
      return;
    }
    keep();
    if (this.isPaused) {
      this.sayWaiting();
    } else {
      this.timer ??= setTimeout(() => this.show(), EVERY_MS);
    }
  }

  private takeRows(html: string): void {
    this.rows.unshift(html);
    this.rows.length = Math.min(this.rows.length, MOST_ROWS);
  }

  private takeParts(json: string): void {
    for (const [id, html] of Object.entries(JSON.parse(json) as Record<string, string>)) {
      this.parts.set(id, html);
    }
  }

  private show(): void {
    this.timer = undefined;
    const list = this.place.querySelector<HTMLElement>("[data-live-rows]");
    if (list && this.rows.length) {
      const template = document.createElement("template");
      template.innerHTML = this.rows.join("");
      const fresh = [...template.content.children];
      list.prepend(template.content);
      const most = Number(list.dataset["liveMax"]) || MOST_ROWS;
      while (list.childElementCount > most) {
        list.lastElementChild?.remove();
      }
      fresh.filter((row): row is HTMLElement => row instanceof HTMLElement && row.isConnected).forEach(started);
      list.dispatchEvent(new CustomEvent("questlog:rows", { bubbles: true }));
    }
    for (const [id, html] of this.parts) {
      const part = document.getElementById(id);
      if (part && this.place.contains(part)) {
        part.innerHTML = html;
        started(part);
      }
    }
    const more = this.place.querySelector<HTMLElement>("[data-live-more]");
    if (more && this.more) {
      const total = (Number(more.dataset["value"]) || 0) + this.more;
      more.dataset["value"] = String(total);
      more.textContent = new Intl.NumberFormat(document.documentElement.lang || undefined).format(total);
      more.closest<HTMLElement>("[hidden]")?.removeAttribute("hidden");
    }
    this.rows = [];
    this.parts.clear();
    this.more = 0;
  }

  private pause(isPaused: boolean): void {
    this.isPaused = isPaused;
    this.button?.setAttribute("aria-pressed", String(isPaused));
    this.say(isPaused ? "paused" : "live");
    if (!isPaused) {
      this.show();
    }
  }

  private say(state: "live" | "paused" | "reconnecting"): void {
    this.place.dataset["liveState"] = state;
    all(this.place, "[data-live-said]").forEach((place) => (place.textContent = text(state)));
  }

  private sayWaiting(): void {
    const said = `${text("paused")}: ${text("new_rows", { count: this.rows.length + this.more })}`;
    all(this.place, "[data-live-said]").forEach((place) => (place.textContent = said));
  }

  private followVisibility(): void {
    clearTimeout(this.hidden);
    if (!this.place.isConnected) {
      this.end();
    } else if (document.hidden) {
      this.hidden = setTimeout(() => this.source?.close(), HIDDEN_MS);
    } else if (this.source?.readyState === EventSource.CLOSED) {
      this.connect();
    }
  }

  private end(): void {
    this.source?.close();
    clearTimeout(this.timer);
    document.removeEventListener("visibilitychange", this.onVisibility);
    document.removeEventListener(AFTER_SWAP, this.onVisibility);
  }
}

function started(part: HTMLElement): void {
  htmx.process(part);
  startBelow(part);
}
