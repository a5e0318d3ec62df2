// Lists that one edits: rows of a form (steps, conditions) and cards of a board. Rows are added from a template, removed,
// and moved by buttons or by dragging; the fields of a row are numbered by the place of the row.
import { all, announce, closest, startBelow, whenever } from "../dom";

export function startLists(): void {
  document.addEventListener("click", (event) => {
    const adder = closest(event, "[data-list-add]");
    if (adder) {
      add(adder);
      return;
    }
    const row = closest(event, "[data-list-remove], [data-list-up], [data-list-down]")?.closest<HTMLElement>("[data-row]");
    if (row) {
      change(row, closest(event, "button") as HTMLElement);
    }
  });
  whenever("[data-list]", number);
  whenever("[data-list] [data-drag]", dragged);
}

/** [data-list-add="ID of the list"] adds what the template [data-list-template="ID of the list"] has. */
function add(adder: HTMLElement): void {
  const list = document.getElementById(adder.dataset["listAdd"] ?? "");
  const template = document.querySelector<HTMLTemplateElement>(`template[data-list-template="${CSS.escape(list?.id ?? "")}"]`);
  if (list && template) {
    list.append(template.content.cloneNode(true));
    const row = list.lastElementChild as HTMLElement;
    number(list);
    startBelow(row);
    row.querySelector<HTMLElement>("input:not([type=hidden]), select, textarea, button")?.focus();
  }
}

function change(row: HTMLElement, button: HTMLElement): void {
  const list = row.closest<HTMLElement>("[data-list]");
  if (!list) {
    return;
  }
  if (button.hasAttribute("data-list-remove")) {
    const next = row.nextElementSibling ?? row.previousElementSibling ?? list.parentElement;
    row.remove();
    next?.querySelector<HTMLElement>("button, input, select")?.focus();
  } else {
    const isUp = button.hasAttribute("data-list-up");
    const other = isUp ? row.previousElementSibling : row.nextElementSibling;
    other?.[isUp ? "before" : "after"](row);
    button.focus();
  }
  changed(list);
}

function changed(list: HTMLElement): void {
  number(list);
  list.dispatchEvent(new Event("change", { bubbles: true }));
}

function rowsOf(list: HTMLElement): HTMLElement[] {
  return all(list, "[data-row]").filter((row) => row.closest("[data-list]") === list);
}

/** Puts the place of each row into it: in [data-place], and in names that hold a number between dots (`step.0.event`). */
function number(list: HTMLElement): void {
  const prefix = list.dataset["list"] ?? "";
  rowsOf(list).forEach((row, index) => {
    all(row, "[data-place]").forEach((place) => (place.textContent = String(index + 1)));
    if (prefix) {
      for (const field of all<HTMLInputElement>(row, "[name]")) {
        const [head, place, ...rest] = field.name.split(".");
        if (head === prefix && place !== undefined) {
          field.name = [head, index, ...rest].join(".");
        }
      }
    }
  });
}

/** Dragging by the handle: the row goes to where the pointer is. Keys have the buttons. */
function dragged(handle: HTMLElement): void {
  handle.addEventListener("pointerdown", (event) => {
    const row = handle.closest<HTMLElement>("[data-row]");
    const list = row?.closest<HTMLElement>("[data-list]");
    if (!row || !list || event.button !== 0) {
      return;
    }
    event.preventDefault();
    row.setAttribute("data-dragging", "");
    let hasMoved = false;
    const move = (at: PointerEvent): void => {
      const over = document.elementFromPoint(at.clientX, at.clientY)?.closest<HTMLElement>("[data-row]");
      if (over && over !== row && over.closest("[data-list]") === list) {
        const isAfter = row.compareDocumentPosition(over) & Node.DOCUMENT_POSITION_FOLLOWING;
        over[isAfter ? "after" : "before"](row);
        hasMoved = true;
      }
    };
    const end = (): void => {
      row.removeAttribute("data-dragging");
      removeEventListener("pointermove", move);
      removeEventListener("pointerup", end);
      removeEventListener("pointercancel", end);
      if (hasMoved) {
        changed(list);
        announce(String(rowsOf(list).indexOf(row) + 1));
      }
    };
    addEventListener("pointermove", move);
    addEventListener("pointerup", end);
    addEventListener("pointercancel", end);
  });
}
