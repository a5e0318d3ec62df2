// Links and forms of a page, but those with data-plain, exchange #page for that of the answer and push the address. Whatever goes wrong
// becomes plain navigation; a form that could not be sent keeps what was typed.
import htmx from "htmx.org";
import { all, announce, closest, element, startBelow } from "../dom";
import { text } from "../texts";
import { keepCards, stopCards } from "./cards";
import { AFTER_SWAP, BEFORE_SWAP } from "./events";
import { askToLogIn, isLogInPage, renewFormTokens } from "./log-in";

const PAGE = "page";

let inFlight: AbortController | undefined;

export function startNavigation(): void {
  if (!document.getElementById(PAGE)) {
    return;
  }
  history.scrollRestoration = "manual";
  document.addEventListener("click", followLink);
  document.addEventListener("submit", sendForm);
  document.addEventListener("change", sendAtOnce);
  window.addEventListener("popstate", () => void visit(new URL(location.href), { push: false, scrollTo: scrollOf(history.state) }));
}

interface Visit {
  push: boolean;
  scrollTo?: number;
  /** What is sent: where one goes on typing in it, it stays as it is. */
  form?: HTMLFormElement;
}

/** Goes to an address of this site. */
export async function visit(url: URL, options: Visit): Promise<void> {
  const controller = begin();
  try {
    const response = await fetch(url, { headers: { Accept: "text/html" }, signal: controller.signal });
    const page = isLogInPage(response) ? null : await pageOf(response);
    if (!page) {
      leaveTo(url, options.push);
      return;
    }
    const target = new URL(response.url);
    target.hash = url.hash;
    swap(page, target, options);
  } catch {
    if (!controller.signal.aborted) {
      leaveTo(url, options.push);
    }
  } finally {
    end(controller);
  }
}

function followLink(event: MouseEvent): void {
  const link = closest<HTMLAnchorElement>(event, "a[href]");
  const isPlain = event.defaultPrevented || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey;
  if (!link || isPlain || !isOurs(link) || link.target || link.hasAttribute("download")) {
    return;
  }
  const url = new URL(link.href);
  const isHere = url.pathname === location.pathname && url.search === location.search;
  if (url.origin === location.origin && !(isHere && url.hash)) {
    event.preventDefault();
    void visit(url, { push: !isHere });
  }
}

function sendForm(event: SubmitEvent): void {
  const form = event.target;
  if (event.defaultPrevented || !(form instanceof HTMLFormElement) || form.method === "dialog") {
    return;
  }
  const question = event.submitter?.dataset["confirm"] ?? form.dataset["confirm"];
  if (question && !confirm(question)) {
    event.preventDefault();
    return;
  }
  const action = new URL(event.submitter?.getAttribute("formaction") ?? form.getAttribute("action") ?? "", location.href);
  const method = event.submitter?.getAttribute("formmethod") ?? form.method;
  if (action.origin !== location.origin || form.target || form.closest("[data-plain]")) {
    return;
  }
  const data = new FormData(form, event.submitter);
  if (method === "post" && form.closest(`#${PAGE}, dialog`)) {
    event.preventDefault();
    void post(form, action, data);
  } else if (method === "get" && isOurs(form)) {
    event.preventDefault();
    action.search = query(data);
    void visit(action, { push: action.href !== location.href, form });
  }
}

/** A form with data-autosubmit is sent when a choice in it has changed. */
function sendAtOnce(event: Event): void {
  const form = event.target instanceof HTMLElement ? event.target.closest<HTMLFormElement>("form[data-autosubmit]") : null;
  form?.requestSubmit();
}

async function post(form: HTMLFormElement, action: URL, data: FormData): Promise<void> {
  if (form.hasAttribute("data-sending")) {
    return;
  }
  form.setAttribute("data-sending", "");
  form.querySelector(":scope > .form-failed")?.remove();
  try {
    const hasFile = [...data.values()].some((value) => value instanceof File && value.size > 0);
    const body = hasFile ? data : new URLSearchParams(texts(data));
    const response = await fetch(action, { method: "POST", body, headers: { Accept: "text/html" } });
    if (isLogInPage(response) || response.status === 401) {
      await sendAfterLogIn(form);
      return;
    }
    await showAnswer(form, response);
  } catch {
    showFailure(form, text("not_sent"));
  } finally {
    form.removeAttribute("data-sending");
  }
}

async function sendAfterLogIn(form: HTMLFormElement): Promise<void> {
  while (await askToLogIn()) {
    if (await renewFormTokens()) {
      setTimeout(() => form.requestSubmit());
      return;
    }
  }
}

async function showAnswer(form: HTMLFormElement, response: Response): Promise<void> {
  const [plain, page] = await Promise.all([response.clone().text(), pageOf(response)]);
  const url = new URL(response.url);
  if (page) {
    swap(page, response.redirected ? url : new URL(location.href), { push: response.redirected && url.href !== location.href });
  } else if (response.ok) {
    location.assign(url);
  } else {
    showFailure(form, plain.slice(0, 500));
  }
}

function showFailure(form: HTMLFormElement, message: string): void {
  const place = form.querySelector(":scope > .form-failed") ?? element("p", { class: "form-failed", role: "alert" });
  place.textContent = message;
  form.prepend(place);
}

/** The page in an answer; null where there is none, or where it belongs to another version of the scripts. */
async function pageOf(response: Response): Promise<Document | null> {
  if (!response.headers.get("content-type")?.startsWith("text/html")) {
    return null;
  }
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  return page.getElementById(PAGE) && program(page) === program(document) ? page : null;
}

function program(page: Document): string {
  return [...page.querySelectorAll('head script[type="module"], head link[rel="stylesheet"]')]
    .map((each) => each.getAttribute("src") ?? each.getAttribute("href"))
    .join(" ");
}

function swap(answer: Document, url: URL, { push, scrollTo, form }: Visit): void {
  const old = document.getElementById(PAGE);
  const fresh = answer.getElementById(PAGE);
  if (!old || !fresh) {
    leaveTo(url, push);
    return;
  }
  document.dispatchEvent(new Event(BEFORE_SWAP));
  const isSamePage = url.pathname === location.pathname;
  const focused = focusOf();
  stopCards(old);
  if (push) {
    history.replaceState({ scroll: window.scrollY }, "");
    history.pushState({ scroll: 0 }, "", url);
  }
  if (isSamePage) {
    keepCards(old, fresh);
    keepDetails(old, fresh);
    keepForm(form, fresh);
  }
  const adopted = document.adoptNode(fresh);
  old.replaceWith(adopted);
  document.title = answer.title;
  document.body.dataset["page"] = answer.body.dataset["page"] ?? "";
  followPage(answer);
  htmx.process(adopted);
  startBelow(adopted);
  settle(adopted, isSamePage, focused, url, scrollTo);
  document.dispatchEvent(new Event(AFTER_SWAP));
}

/** Where the page was in the window, and where the focus was: there again; on another page, at its start. */
function settle(page: HTMLElement, isSamePage: boolean, focused: Focus | null, url: URL, scrollTo?: number): void {
  const target = url.hash ? document.getElementById(decodeURIComponent(url.hash.slice(1))) : null;
  if (target) {
    target.scrollIntoView();
  } else if (!isSamePage || scrollTo !== undefined) {
    window.scrollTo(0, scrollTo ?? 0);
  }
  if (isSamePage) {
    refocus(focused);
    announce(text("updated"));
  } else {
    const start = page.querySelector<HTMLElement>("#content") ?? page;
    start.setAttribute("tabindex", "-1");
    start.focus({ preventScroll: true });
    announce(document.title);
  }
}

interface Focus {
  id: string;
  value: string | null;
  start: number | null;
}

function focusOf(): Focus | null {
  const focused = document.activeElement;
  if (!(focused instanceof HTMLElement) || !focused.id) {
    return null;
  }
  const typed = focused instanceof HTMLInputElement && ["text", "search"].includes(focused.type) ? focused : null;
  return { id: focused.id, value: typed?.value ?? null, start: typed?.selectionStart ?? null };
}

function refocus(focus: Focus | null): void {
  const found = focus ? document.getElementById(focus.id) : null;
  if (!focus || !found) {
    return;
  }
  found.focus({ preventScroll: true });
  if (found instanceof HTMLInputElement && focus.value !== null && found.value === focus.value) {
    found.setSelectionRange(focus.start, focus.start);
  }
}

/** A form that is sent while one goes on in it: what is typed meanwhile, and rows that are still empty, are not lost. */
function keepForm(form: HTMLFormElement | undefined, fresh: HTMLElement): void {
  const next = form?.id ? fresh.querySelector(`form#${CSS.escape(form.id)}`) : null;
  if (form && next && form.contains(document.activeElement)) {
    const focused = document.activeElement as HTMLElement;
    next.replaceWith(form);
    queueMicrotask(() => focused.focus({ preventScroll: true }));
  }
}

/** What is open by name stays open; menus close. */
function keepDetails(old: HTMLElement, fresh: HTMLElement): void {
  for (const details of all<HTMLDetailsElement>(old, "details[data-keep]")) {
    const next = fresh.querySelector<HTMLDetailsElement>(`details[data-keep="${CSS.escape(details.dataset["keep"] ?? "")}"]`);
    if (next) {
      next.open = details.open;
    }
  }
}

/** Parts outside #page that belong to the address: the navigation with its links. */
function followPage(answer: Document): void {
  for (const part of all(document, "[data-follow][id], #side")) {
    const next = answer.getElementById(part.id);
    if (next && !part.isEqualNode(next)) {
      part.replaceChildren(...next.childNodes);
      htmx.process(part);
      startBelow(part);
    }
  }
}

function isOurs(source: HTMLElement): boolean {
  return source.closest("[data-plain]") === null;
}

/** The query of a form: without what is empty, so that addresses stay short. */
function query(data: FormData): string {
  return new URLSearchParams(texts(data).filter(([, value]) => value !== "")).toString();
}

function texts(data: FormData): [string, string][] {
  return [...data.entries()].filter((entry): entry is [string, string] => typeof entry[1] === "string");
}

function scrollOf(state: unknown): number {
  const scroll = (state as { scroll?: unknown } | null)?.scroll;
  return typeof scroll === "number" ? scroll : 0;
}

function begin(): AbortController {
  inFlight?.abort();
  inFlight = new AbortController();
  document.documentElement.setAttribute("data-loading", "");
  document.getElementById(PAGE)?.setAttribute("aria-busy", "true");
  return inFlight;
}

function end(controller: AbortController): void {
  if (inFlight === controller) {
    inFlight = undefined;
    document.documentElement.removeAttribute("data-loading");
    document.getElementById(PAGE)?.removeAttribute("aria-busy");
  }
}

function leaveTo(url: URL, push: boolean): void {
  if (push) {
    location.assign(url);
  } else {
    location.replace(url);
  }
}
