// Menus (<details class="menu">, .picker or data-menu), popovers beside their buttons, dialogs and drawers.
import { all, closest, whenever } from "../dom";
import { BEFORE_SWAP } from "./events";

const MENU = "details:is(.menu, .picker, [data-menu])";

export function startMenus(): void {
  document.addEventListener("click", (event) => {
    const inside = closest(event, MENU);
    openMenus().forEach((menu) => menu !== inside && (menu.open = false));
    openDialog(event);
    toggleDrawer(event);
  });
  document.addEventListener("keydown", onKey);
  document.addEventListener("toggle", placePopover, true);
  document.addEventListener(BEFORE_SWAP, () => {
    openMenus().forEach((menu) => (menu.open = false));
    closeDrawers();
  });
  whenever<HTMLDialogElement>("dialog[data-open-now]", (dialog) => dialog.showModal());
}

function openMenus(): HTMLDetailsElement[] {
  return all<HTMLDetailsElement>(document, `${MENU}[open]`);
}

function onKey(event: KeyboardEvent): void {
  const menu = event.target instanceof Element ? event.target.closest<HTMLDetailsElement>(`${MENU}[open]`) : null;
  if (event.key === "Escape") {
    if (menu) {
      menu.open = false;
      menu.querySelector<HTMLElement>("summary")?.focus();
    } else {
      closeDrawers();
    }
  } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    const list = menu ?? closest(event, ".menu[popover], [data-menu-items]");
    if (list && !(event.target instanceof HTMLInputElement) && !(event.target instanceof HTMLSelectElement)) {
      event.preventDefault();
      moveIn(list, event.key === "ArrowDown" ? 1 : -1);
    }
  }
}

/** Moves the focus among the links and buttons of a menu. */
function moveIn(list: HTMLElement, by: number): void {
  const items = all(list, "a[href], button:not([disabled]), summary").filter((item) => item.checkVisibility() && item !== list);
  const at = items.indexOf(document.activeElement as HTMLElement);
  items[(at + by + items.length) % items.length]?.focus();
}

/** A popover comes below its button, inside of the window. */
function placePopover(event: Event): void {
  const popover = event.target;
  if (!(popover instanceof HTMLElement) || !popover.hasAttribute("popover") || !popover.id || (event as ToggleEvent).newState !== "open") {
    return;
  }
  const button = document.querySelector<HTMLElement>(`[popovertarget="${CSS.escape(popover.id)}"]`);
  if (button?.checkVisibility()) {
    const box = button.getBoundingClientRect();
    const [width, height] = [popover.offsetWidth, popover.offsetHeight];
    const isAbove = box.bottom + height > innerHeight && box.top - height > 0;
    popover.style.left = `${Math.max(8, Math.min(box.left, innerWidth - width - 8))}px`;
    popover.style.top = `${isAbove ? box.top - height - 4 : box.bottom + 4}px`;
  }
  popover.querySelector<HTMLElement>("[autofocus], input, a, button")?.focus();
}

/** [data-dialog="ID"] opens a dialog; [data-close] closes the one that it is in. */
function openDialog(event: Event): void {
  const opener = closest(event, "[data-dialog]");
  const dialog = opener ? document.getElementById(opener.dataset["dialog"] ?? "") : null;
  if (dialog instanceof HTMLDialogElement && !dialog.open) {
    event.preventDefault();
    dialog.showModal();
  }
  const target = event.target;
  const isBackdrop = target instanceof HTMLDialogElement && target.open && target.hasAttribute("data-light");
  const closing = closest(event, "[data-close]")?.closest("dialog") ?? (isBackdrop ? target : null);
  closing?.close();
}

/** [data-open="ID"] opens a drawer (.is-open); it closes by [data-close="ID"], Escape, a click outside, and navigation. */
function toggleDrawer(event: Event): void {
  const button = closest(event, "[data-open]");
  const drawer = button ? document.getElementById(button.dataset["open"] ?? "") : null;
  if (button && drawer) {
    const isOpen = drawer.classList.toggle("is-open");
    button.setAttribute("aria-expanded", String(isOpen));
    if (isOpen) {
      drawer.querySelector<HTMLElement>("a[aria-current], a, button")?.focus();
    }
  } else if (closest(event, "[data-close]") || !closest(event, ".is-open")) {
    closeDrawers();
  }
}

function closeDrawers(): void {
  for (const button of all(document, '[data-open][aria-expanded="true"]')) {
    const drawer = document.getElementById(button.dataset["open"] ?? "");
    drawer?.classList.remove("is-open");
    button.setAttribute("aria-expanded", "false");
    if (drawer?.contains(document.activeElement)) {
      button.focus();
    }
  }
}
