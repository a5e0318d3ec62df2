// Cards load into their place. What a card showed stays, dimmed, until its new content is there.
import htmx, { type HtmxRequestCtx } from "htmx.org";
import { all, element, startBelow, whenever } from "../dom";
import { text } from "../texts";
import { isLogInPage } from "./log-in";

const RETRY_S = [2, 4, 8, 15, 30];

interface CardState {
  failures: number;
  timer?: ReturnType<typeof setTimeout>;
  open: Set<string>;
}

const states = new WeakMap<HTMLElement, CardState>();

export function startCards(): void {
  document.addEventListener("htmx:before:request", (event) => {
    const card = cardOf(event);
    if (card) {
      card.setAttribute("aria-busy", "true");
      card.toggleAttribute("data-stale", card.hasAttribute("data-loaded"));
    }
  });
  document.addEventListener("htmx:before:response", (event) => {
    const card = cardOf(event);
    const response = card ? requestOf(event).response?.raw : undefined;
    if (card && response && (response.status === 401 || isLogInPage(response))) {
      event.preventDefault();
      fail(card, text("logged_out"), element("a", { href: response.headers.get("x-log-in") ?? location.href, "data-plain": "" }, text("log_in")));
    }
  });
  document.addEventListener("htmx:before:swap", (event) => {
    const card = cardOf(event);
    if (card) {
      stateOf(card).open = openDetails(card);
    }
  });
  document.addEventListener("htmx:after:swap", (event) => {
    const card = cardOf(event);
    if (card) {
      finish(card);
    } else if (event.target instanceof HTMLElement) {
      startBelow(event.target);
    }
  });
  document.addEventListener("htmx:error", (event) => {
    const card = cardOf(event);
    if (card) {
      retryLater(card);
    }
  });
  whenever("[data-card][data-refresh-s]", refreshOften);
}

/** Asks for a card again. */
export function reloadCard(card: HTMLElement): void {
  const url = card.getAttribute("hx-get");
  if (url && card.isConnected) {
    void htmx.ajax("GET", url, { source: card, target: card, swap: "innerHTML" });
  }
}

/** Moves what the cards of the old page show into those of the new page with the same id, dimmed. */
export function keepCards(old: HTMLElement, fresh: HTMLElement): void {
  for (const card of all(old, "[data-card][data-loaded]")) {
    const next = card.id ? fresh.querySelector<HTMLElement>(`#${CSS.escape(card.id)}[data-card][hx-get]`) : null;
    if (next) {
      next.replaceChildren(...card.childNodes);
      next.setAttribute("data-loaded", "");
      next.setAttribute("data-stale", "");
      next.setAttribute("aria-busy", "true");
    }
  }
}

/** Stops what the cards below `root` have asked for. */
export function stopCards(root: HTMLElement): void {
  for (const card of all(root, "[data-card]")) {
    clearTimeout(states.get(card)?.timer);
    htmx.trigger(card, "htmx:abort", {}, false);
  }
}

function finish(card: HTMLElement): void {
  const state = stateOf(card);
  state.failures = 0;
  card.setAttribute("data-loaded", "");
  card.removeAttribute("data-stale");
  card.removeAttribute("aria-busy");
  for (const details of all<HTMLDetailsElement>(card, "details:is([data-keep], .under-chart)")) {
    details.open = details.open || state.open.has(details.dataset["keep"] ?? "");
  }
  startBelow(card);
  const retry = card.querySelector<HTMLElement>("[data-retry]");
  if (retry) {
    again(card, Number(retry.dataset["retry"]) || 2);
  }
}

function retryLater(card: HTMLElement): void {
  const state = stateOf(card);
  const wait = RETRY_S[Math.min(state.failures, RETRY_S.length - 1)] ?? 30;
  state.failures += 1;
  const button = element("button", { type: "button", class: "button" }, text("retry"));
  button.addEventListener("click", () => reloadCard(card));
  fail(card, text("card_failed"), button);
  again(card, wait);
}

/** Says what is wrong, above what the card has shown before. */
function fail(card: HTMLElement, message: string, action: HTMLElement): void {
  card.removeAttribute("aria-busy");
  card.querySelector(":scope > .card-failed")?.remove();
  if (!card.hasAttribute("data-loaded")) {
    card.replaceChildren();
  }
  card.prepend(element("div", { class: "card-failed", role: "alert" }, element("p", {}, message), action));
}

function again(card: HTMLElement, wait_s: number): void {
  const state = stateOf(card);
  clearTimeout(state.timer);
  state.timer = setTimeout(() => reloadCard(card), wait_s * 1000);
}

function refreshOften(card: HTMLElement): void {
  const timer = setInterval(
    () => {
      if (!card.isConnected) {
        clearInterval(timer);
      } else if (!document.hidden && !card.hasAttribute("aria-busy") && !card.matches(":focus-within")) {
        reloadCard(card);
      }
    },
    1000 * Math.max(1, Number(card.dataset["refreshS"])),
  );
}

function openDetails(card: HTMLElement): Set<string> {
  return new Set(all<HTMLDetailsElement>(card, "details:is([data-keep], .under-chart)[open]").map((each) => each.dataset["keep"] ?? ""));
}

function stateOf(card: HTMLElement): CardState {
  let state = states.get(card);
  if (!state) {
    state = { failures: 0, open: new Set() };
    states.set(card, state);
  }
  return state;
}

function requestOf(event: Event): HtmxRequestCtx {
  return (event as CustomEvent<{ ctx: HtmxRequestCtx }>).detail.ctx;
}

function cardOf(event: Event): HTMLElement | null {
  return event.target instanceof HTMLElement && event.target.matches("[data-card]") ? event.target : null;
}

