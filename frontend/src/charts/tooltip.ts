// The tooltip of charts: an element of the page. ECharts' own writes style attributes, which the policy forbids.
import { element, svg } from "../dom";

export interface Line {
  name: string;
  value: string;
  note?: string;
  colour?: string;
  isCompared?: boolean;
}

const GAP = 14;

export class Tooltip {
  private readonly box = element("div", { class: "chart-tooltip", "aria-hidden": "true", hidden: "" });

  constructor(private readonly place: HTMLElement) {
    place.append(this.box);
  }

  /** Shows lines beside the point (x, y) of the chart, inside of it. */
  show(x: number, y: number, title: string, lines: readonly Line[], notes: readonly string[] = []): void {
    const rows = lines.map((line) =>
      element(
        "tr",
        line.isCompared ? { class: "compared" } : {},
        element("th", { scope: "row" }, swatch(line), element("bdi", {}, line.name)),
        element("td", { class: "number" }, line.value),
        element("td", { class: "note" }, line.note ?? ""),
      ),
    );
    const words = notes.filter(Boolean).map((note) => element("p", {}, note));
    this.box.replaceChildren(element("p", { class: "title" }, title), element("table", {}, element("tbody", {}, ...rows)), ...words);
    this.box.hidden = false;
    const [width, height] = [this.box.offsetWidth, this.box.offsetHeight];
    const room = this.place.clientWidth;
    const left = x + GAP + width <= room ? x + GAP : Math.max(0, x - GAP - width);
    const top = Math.max(0, Math.min(y - height / 2, this.place.clientHeight - height));
    this.box.style.transform = `translate(${Math.round(left)}px, ${Math.round(top)}px)`;
  }

  hide(): void {
    this.box.hidden = true;
  }
}

function swatch(line: Line): Node {
  if (!line.colour) {
    return document.createTextNode("");
  }
  const dash = line.isCompared ? { "stroke-dasharray": "3 2" } : {};
  const stroke = svg("line", { x1: "0", y1: "5", x2: "14", y2: "5", stroke: line.colour, "stroke-width": "2.5", ...dash });
  return svg("svg", { width: "14", height: "10", "aria-hidden": "true", class: "swatch" }, stroke);
}
