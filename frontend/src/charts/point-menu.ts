// The menu of a point, bar or node: links, as a popover beside it.
import { element } from "../dom";

export interface Item {
  text: string;
  url: string;
}

let open: HTMLElement | undefined;

/** Shows links at a place of the window. The focus goes into the menu, and back when it closes. */
export function showMenu(x: number, y: number, title: string, items: readonly Item[]): void {
  open?.remove();
  if (items.length === 0) {
    return;
  }
  const before = document.activeElement;
  const links = items.map((item) => element("li", {}, element("a", { href: item.url, "data-menu-item": "" }, item.text)));
  const list = element("ul", {}, ...links);
  const menu = element("div", { class: "menu chart-menu", popover: "auto", "data-swap": "" }, element("p", { class: "title" }, title), list);
  open = menu;
  document.body.append(menu);
  // Not before the click is over: the browser closes popovers at the end of a click outside of them.
  setTimeout(() => place(menu, x, y));
  menu.addEventListener("click", (event) => {
    if (event.target instanceof Element && event.target.closest("a")) {
      setTimeout(() => menu.isConnected && menu.hidePopover());
    }
  });
  menu.addEventListener("toggle", (event) => {
    if ((event as ToggleEvent).newState === "closed") {
      const hadFocus = menu.contains(document.activeElement) || document.activeElement === document.body;
      menu.remove();
      if (hadFocus && before instanceof HTMLElement && before.isConnected) {
        before.focus({ preventScroll: true });
      }
    }
  });
}

function place(menu: HTMLElement, x: number, y: number): void {
  if (!menu.isConnected) {
    return;
  }
  menu.showPopover();
  const left = Math.max(8, Math.min(x, innerWidth - menu.offsetWidth - 8));
  const top = Math.max(8, Math.min(y, innerHeight - menu.offsetHeight - 8));
  menu.style.left = `${left}px`;
  menu.style.top = `${top}px`;
  menu.querySelector("a")?.focus();
}
