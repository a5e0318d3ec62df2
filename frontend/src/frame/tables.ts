// Tables that sort: <table data-sortable>, by the data-value of cells or their text. Headings with data-no-sort stay.
import { all, element, whenever } from "../dom";

export function startTables(): void {
  whenever<HTMLTableElement>("table[data-sortable]", (table) => {
    const row = table.tHead?.rows[table.tHead.rows.length - 1];
    [...(row?.cells ?? [])].forEach((heading, column) => {
      if (!heading.hasAttribute("data-no-sort") && !heading.querySelector("a, button")) {
        const button = element("button", { type: "button", class: "sort" }, ...heading.childNodes);
        heading.replaceChildren(button);
        button.addEventListener("click", () => sort(table, heading, column));
      }
    });
  });
}

function sort(table: HTMLTableElement, heading: HTMLTableCellElement, column: number): void {
  const isNumeric = heading.classList.contains("number");
  const current = heading.getAttribute("aria-sort");
  const first = isNumeric ? "descending" : "ascending";
  const direction = current === first ? (isNumeric ? "ascending" : "descending") : first;
  all(table, "th[aria-sort]").forEach((each) => each.removeAttribute("aria-sort"));
  heading.setAttribute("aria-sort", direction);
  const sign = direction === "ascending" ? 1 : -1;
  for (const body of table.tBodies) {
    const rows = [...body.rows].filter((row) => !row.hasAttribute("data-fixed"));
    const fixed = [...body.rows].filter((row) => row.hasAttribute("data-fixed"));
    rows.sort((one, other) => sign * compare(valueOf(one, column), valueOf(other, column)));
    body.append(...rows, ...fixed);
  }
}

function valueOf(row: HTMLTableRowElement, column: number): string {
  const cell = row.cells[column];
  return cell?.dataset["value"] ?? cell?.textContent?.trim() ?? "";
}

function compare(one: string, other: string): number {
  const [a, b] = [Number(one), Number(other)];
  if (one === "" || other === "") {
    return one === other ? 0 : one === "" ? -1 : 1;
  }
  return Number.isNaN(a) || Number.isNaN(b) ? one.localeCompare(other, undefined, { numeric: true }) : a - b;
}
