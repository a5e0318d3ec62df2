// Lines, areas and bars over time: series to switch off, an unfinished end, a compared period, intervals, marks of
// releases, a cursor for mouse and keys, selecting a part to zoom, a menu on each point.
import type { EChartsType } from "echarts/core";
import { use } from "echarts/core";
import { BarChart, LineChart } from "echarts/charts";
import { GridComponent, MarkAreaComponent, MarkLineComponent } from "echarts/components";
import { announce, element, svg } from "../dom";
import { text } from "../texts";
import { place } from "./engine";
import { full, instant, short, Times } from "./formats";
import { paletteOf, symbolOf, type Palette } from "./palette";
import { showMenu, type Item } from "./point-menu";
import type { Series, TimeSeriesSpec, Value } from "./spec";
import { type Line, Tooltip } from "./tooltip";

use([LineChart, BarChart, GridComponent, MarkLineComponent, MarkAreaComponent]);

const DRAG_PX = 6;
const MARKS_APART_PX = 56;
const MARKERS = 8;

type Option = Record<string, unknown>;

/** Which series were switched off, by chart: a card that loads again keeps it. */
const switchedOff = new Map<string, Set<string>>();

export function draw(figure: HTMLElement, canvas: HTMLElement, spec: TimeSeriesSpec): void {
  new TimeSeries(figure, canvas, spec);
}

class TimeSeries {
  private readonly chart: EChartsType | undefined; // none while `place` makes it
  private readonly times: Times;
  private readonly tooltip: Tooltip;
  private readonly cursor = element("div", { class: "chart-cursor", hidden: "" });
  private readonly selection = element("div", { class: "chart-selection", hidden: "" });
  private readonly off: Set<string>;
  private readonly colourIndex = new Map<string, number>();
  private at: number | null = null;

  constructor(
    private readonly figure: HTMLElement,
    private readonly canvas: HTMLElement,
    private readonly spec: TimeSeriesSpec,
  ) {
    this.times = new Times(spec.granularity, spec.zone);
    this.off = switchedOff.get(figure.id) ?? new Set();
    switchedOff.set(figure.id, this.off);
    for (const series of spec.series) {
      if (!this.colourIndex.has(keyOf(series))) {
        this.colourIndex.set(keyOf(series), this.colourIndex.size);
      }
    }
    this.chart = place(canvas, spec.x.length * spec.series.length, () => this.redraw());
    canvas.append(this.cursor, this.selection);
    this.tooltip = new Tooltip(canvas);
    this.showLegend();
    this.listen();
    this.redraw();
  }

  private get visible(): Series[] {
    return this.spec.series.filter((series) => !this.off.has(keyOf(series)));
  }

  private redraw(): void {
    const palette = paletteOf(this.canvas);
    this.chart?.setOption(this.option(palette) as Parameters<EChartsType["setOption"]>[0], true);
  }

  private option(palette: Palette): Option {
    const { spec } = this;
    const label = { color: palette.faint, fontFamily: palette.font, fontSize: 11 };
    const line = { lineStyle: { color: palette.grid } };
    const hasBars = spec.kind.includes("bar");
    const hasMarks = (spec.marks ?? []).length > 0;
    return {
      animation: false,
      grid: { left: 4, right: 14, top: hasMarks ? 24 : 10, bottom: 4, outerBoundsMode: "same", outerBoundsContain: "axisLabel" },
      xAxis: {
        type: "category",
        data: spec.x,
        boundaryGap: hasBars,
        axisLine: line,
        axisTick: { show: false },
        axisLabel: { ...label, hideOverlap: true, formatter: (x: string) => this.times.onAxis(x) },
      },
      yAxis: {
        type: "value",
        splitNumber: 4,
        minInterval: this.isWhole() ? 1 : 0,
        axisLabel: { ...label, formatter: (value: number) => short(value, spec.unit, spec.currency) },
        splitLine: line,
      },
      series: [...this.visible.flatMap((series) => this.seriesOf(series, palette)), this.marks(palette)],
    };
  }

  private isWhole(): boolean {
    return this.spec.unit !== "share" && this.spec.series.every((series) => series.values.every((value) => value === null || Number.isInteger(value)));
  }

  private seriesOf(series: Series, palette: Palette): Option[] {
    const index = this.colourIndex.get(keyOf(series)) ?? 0;
    const colour = palette.series(index);
    if (series.compared) {
      return [this.lineOf(series.values, colour, index, { width: 1.5, type: "dashed", opacity: 0.75 })];
    }
    if (this.spec.kind === "bar" || this.spec.kind === "stacked_bar") {
      return [...(this.colourIndex.size === 1 ? this.band(series, colour) : []), this.barsOf(series, colour)];
    }
    if (this.spec.kind === "stacked") {
      const line = this.lineOf(series.values, colour, index, { width: 1.5 });
      return [{ ...line, stack: "all", areaStyle: { color: colour, opacity: 0.55 } }];
    }
    const area = this.spec.kind === "area" ? { areaStyle: { color: colour, opacity: 0.14 } } : {};
    const from = this.spec.unfinished_from;
    const parts = [{ ...this.lineOf(before(series.values, from), colour, index, { width: 2 }), ...area }];
    if (from !== null) {
      parts.push({ ...this.lineOf(onward(series.values, from), colour, index, { width: 2, type: "dotted" }), ...area });
    }
    return [...this.band(series, colour), ...parts];
  }

  private lineOf(values: Value[], colour: string, index: number, lineStyle: Option): Option {
    const isAlone = values.filter((value) => value !== null).length <= 1;
    const step = Math.max(1, Math.ceil(values.length / MARKERS));
    const isMarked = (place: number): boolean => index > 0 && place % step === Math.floor(step / 2);
    return {
      type: "line",
      data: values,
      color: colour,
      lineStyle: { color: colour, ...lineStyle },
      symbol: symbolOf(index),
      symbolSize: (_: unknown, point: { dataIndex: number }) => (isAlone || isMarked(point.dataIndex) ? 6 : 0),
      showSymbol: isAlone || index > 0,
      showAllSymbol: true,
      silent: true,
      connectNulls: false,
      emphasis: { disabled: true },
    };
  }

  private barsOf(series: Series, colour: string): Option {
    const from = this.spec.unfinished_from ?? Infinity;
    const unfinished = { itemStyle: { color: colour, opacity: 0.4, borderColor: colour, borderType: "dashed" } };
    return {
      type: "bar",
      data: series.values.map((value, place) => (place < from ? value : { value, ...unfinished })),
      itemStyle: { color: colour },
      barMaxWidth: 28,
      barGap: "10%",
      barCategoryGap: "25%",
      silent: true,
      ...(this.spec.kind === "bar" ? {} : { stack: "all" }),
    };
  }

  /** The interval of a series: an invisible line at its low end, and on it an area up to the high end. */
  private band(series: Series, colour: string): Option[] {
    const { low, high } = series;
    if (!low || !high) {
      return [];
    }
    const hidden = { type: "line", stack: `band ${series.key}`, symbol: "none", silent: true, lineStyle: { opacity: 0 } };
    const height = high.map((value, place) => {
      const bottom = low[place] ?? null;
      return value === null || bottom === null ? null : value - bottom;
    });
    return [
      { ...hidden, data: low },
      { ...hidden, data: height, areaStyle: { color: colour, opacity: 0.18 } },
    ];
  }

  /** A series without values that carries the marks of releases and notes, and the shade of what is unfinished. */
  private marks(palette: Palette): Option {
    const { spec } = this;
    const width = this.canvas.clientWidth / Math.max(1, spec.x.length);
    let labelled = -Infinity;
    const data = (spec.marks ?? []).flatMap((mark) => {
      const place = this.placeOf(mark.x);
      if (place === null) {
        return [];
      }
      const show = (place - labelled) * width >= MARKS_APART_PX;
      labelled = show ? place : labelled;
      return [{ xAxis: place, label: { show, formatter: mark.text.length > 14 ? `${mark.text.slice(0, 13)}…` : mark.text } }];
    });
    const from = spec.unfinished_from;
    const isShaded = from !== null && spec.kind === "stacked";
    return {
      type: "line",
      data: spec.x.map(() => null),
      silent: true,
      markLine: {
        symbol: "none",
        silent: true,
        animation: false,
        data,
        lineStyle: { color: palette.faint, type: [3, 3], width: 1 },
        label: { color: palette.faint, fontFamily: palette.font, fontSize: 10, position: "end", distance: 3 },
      },
      ...(isShaded
        ? {
            markArea: {
              silent: true,
              data: [[{ xAxis: Math.max(0, from - 1) }, { xAxis: spec.x.length - 1 }]],
              itemStyle: { color: palette.surface, opacity: 0.45 },
            },
          }
        : {}),
    };
  }

  /** The point that a day or an instant belongs to; null outside of the chart. */
  private placeOf(x: string): number | null {
    const { x: points } = this.spec;
    const first = points[0];
    if (first === undefined || x < first.slice(0, x.length)) {
      return null;
    }
    let found = points.indexOf(x);
    if (found < 0) {
      found = points.findLastIndex((point) => point.slice(0, x.length) <= x);
    }
    return found < 0 ? null : found;
  }

  private showLegend(): void {
    this.figure.querySelector(":scope > .chart-legend")?.remove();
    const list = element("ul", { class: "chart-legend" });
    if (this.colourIndex.size < 2) {
      return; // the heading names the only one
    }
    for (const key of this.colourIndex.keys()) {
      const named = this.spec.series.filter((series) => keyOf(series) === key);
      const box = element("input", { type: "checkbox", "aria-label": text("show_series", { name: named[0]?.name ?? key }) });
      box.checked = !this.off.has(key);
      box.addEventListener("change", () => this.toggle(key, box.checked));
      list.append(element("li", {}, element("label", {}, box, this.swatch(key), element("bdi", {}, named[0]?.name ?? key))));
    }
    this.figure.insertBefore(list, this.canvas);
  }

  private swatch(key: string): Node {
    const index = this.colourIndex.get(key) ?? 0;
    const colour = paletteOf(this.figure).series(index);
    const line = svg("line", { x1: "0", y1: "6", x2: "20", y2: "6", stroke: colour, "stroke-width": "2.5" });
    const marks = index > 0 ? [marker(index, colour)] : [];
    return svg("svg", { width: "20", height: "12", "aria-hidden": "true", class: "swatch" }, line, ...marks);
  }

  private toggle(key: string, isOn: boolean): void {
    if (isOn) {
      this.off.delete(key);
    } else {
      this.off.add(key);
    }
    this.redraw();
  }

  private listen(): void {
    const { canvas } = this;
    let start: { x: number; index: number } | null = null;
    canvas.addEventListener("pointerdown", (event) => {
      const isMouse = event.pointerType === "mouse" && event.button === 0;
      start = isMouse && this.spec.zoom ? { x: this.xOf(event), index: this.indexAt(this.xOf(event)) } : null;
    });
    canvas.addEventListener("pointermove", (event) => {
      const x = this.xOf(event);
      this.moveTo(this.indexAt(x), event.offsetY);
      if (start && Math.abs(x - start.x) > DRAG_PX) {
        canvas.setPointerCapture(event.pointerId);
        this.showSelection(start.index, this.indexAt(x));
      }
    });
    canvas.addEventListener("pointerup", (event) => {
      const from = start;
      start = null;
      if (from && !this.selection.hidden) {
        this.selection.hidden = true;
        this.zoomTo(from.index, this.indexAt(this.xOf(event)));
      } else if (event.button === 0) {
        this.openMenu(this.indexAt(this.xOf(event)), event.clientX, event.clientY);
      }
    });
    canvas.addEventListener("pointerleave", () => this.leave());
    canvas.addEventListener("contextmenu", (event) => {
      event.preventDefault();
      this.openMenu(this.indexAt(this.xOf(event)), event.clientX, event.clientY);
    });
    canvas.tabIndex = 0;
    canvas.addEventListener("keydown", (event) => this.onKey(event));
    canvas.addEventListener("blur", () => this.leave());
  }

  private onKey(event: KeyboardEvent): void {
    const last = this.spec.x.length - 1;
    const at = this.at ?? (event.key === "ArrowLeft" ? last + 1 : -1);
    const moves: Record<string, number> = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: last };
    const next = moves[event.key];
    if (event.ctrlKey || event.metaKey || event.altKey) {
      return;
    }
    if (next !== undefined) {
      event.preventDefault();
      event.stopPropagation();
      this.moveTo(Math.max(0, Math.min(last, next)));
      announce(this.sentence());
    } else if (event.key === "Enter" && this.at !== null) {
      event.preventDefault();
      const box = this.canvas.getBoundingClientRect();
      this.openMenu(this.at, box.left + this.pixelOf(this.at), box.top + 24);
    } else if (event.key === "Escape") {
      this.leave();
    }
  }

  private moveTo(index: number, y = 40): void {
    const x = this.spec.x[index];
    if (x === undefined) {
      return;
    }
    this.at = index;
    const pixel = this.pixelOf(index);
    this.cursor.hidden = false;
    this.cursor.style.transform = `translateX(${Math.round(pixel)}px)`;
    this.tooltip.show(pixel, y, this.times.inFull(x), this.lines(index), this.notes(index));
  }

  private leave(): void {
    this.at = null;
    this.cursor.hidden = true;
    this.tooltip.hide();
  }

  private lines(index: number): Line[] {
    const palette = paletteOf(this.canvas);
    return this.visible.map((series) => ({
      name: series.compared ? `${series.name} (${this.times.inFull(this.spec.compared_x?.[index] ?? "")})` : series.name,
      value: this.write(series.values[index]),
      note: this.note(series, index),
      colour: palette.series(this.colourIndex.get(keyOf(series)) ?? 0),
      isCompared: series.compared === true,
    }));
  }

  private note(series: Series, index: number): string {
    const [low, high, n] = [series.low?.[index], series.high?.[index], series.n?.[index]];
    const interval = typeof low === "number" && typeof high === "number" ? text("interval", { low: this.write(low), high: this.write(high) }) : "";
    const of = typeof n === "number" ? text("of_n", { n: full(n, "count") }) : "";
    return [interval, of].filter(Boolean).join(", ");
  }

  private notes(index: number): string[] {
    const { spec } = this;
    const x = spec.x[index] ?? "";
    const marks = this.marksAt(index).map((mark) => text(mark.kind === "release" ? "release" : "note", { text: mark.text }));
    const final = spec.final_at?.[index];
    const isUnfinished = spec.unfinished_from !== null && index >= spec.unfinished_from;
    const unfinished = isUnfinished ? (final ? `${text("not_final")}: ${text("final_at", { time: instant(final) })}` : text("not_final")) : "";
    const local = this.times.local(x);
    return [...marks, unfinished, local ? text("local_time", { time: local }) : ""];
  }

  private marksAt(index: number): NonNullable<TimeSeriesSpec["marks"]> {
    return (this.spec.marks ?? []).filter((mark) => this.placeOf(mark.x) === index);
  }

  private sentence(): string {
    const index = this.at ?? 0;
    const values = this.lines(index).map((line) => `${line.name}: ${line.value}${line.note ? ` (${line.note})` : ""}`);
    return [this.times.inFull(this.spec.x[index] ?? ""), ...values, ...this.notes(index).filter(Boolean)].join("; ");
  }

  private write(value: Value | undefined): string {
    return typeof value === "number" ? full(value, this.spec.unit, this.spec.currency) : text("no_value");
  }

  private openMenu(index: number, x: number, y: number): void {
    const point = this.spec.x[index];
    if (point === undefined) {
      return;
    }
    const items: Item[] = [];
    if (this.spec.zoom) {
      items.push({ text: text("zoom_here"), url: this.zoomUrl(index, index) });
    }
    for (const series of this.visible) {
      const who = series.link?.who?.[index];
      if (who) {
        items.push({ text: text("who", { name: series.name }), url: who });
      }
      if (series.link?.filter) {
        items.push({ text: text("filter_to", { name: series.name }), url: series.link.filter });
      }
    }
    if (this.spec.note) {
      items.push({ text: text("add_note"), url: this.spec.note.replace("{x}", encodeURIComponent(point)) });
    }
    for (const mark of this.marksAt(index)) {
      if (mark.url) {
        items.push({ text: text(mark.kind === "release" ? "release" : "note", { text: mark.text }), url: mark.url });
      }
    }
    this.leave();
    showMenu(x, y, this.times.inFull(point), items);
  }

  private zoomUrl(from: number, to: number): string {
    const [first, last] = [Math.min(from, to), Math.max(from, to)].map((index) => this.spec.x[index] ?? "");
    return (this.spec.zoom ?? "").replace("{start}", encodeURIComponent(first ?? "")).replace("{end}", encodeURIComponent(last ?? ""));
  }

  private zoomTo(from: number, to: number): void {
    const link = element("a", { href: this.zoomUrl(from, to), hidden: "" });
    this.canvas.append(link); // inside of [data-swap], so it navigates as other links of the page do
    link.click();
    link.remove();
  }

  private showSelection(from: number, to: number): void {
    const [left, right] = [this.pixelOf(Math.min(from, to)), this.pixelOf(Math.max(from, to))];
    this.selection.hidden = false;
    this.selection.style.transform = `translateX(${Math.round(left)}px)`;
    this.selection.style.width = `${Math.max(2, Math.round(right - left))}px`;
  }

  private xOf(event: PointerEvent | MouseEvent): number {
    return event.clientX - this.canvas.getBoundingClientRect().left;
  }

  private indexAt(x: number): number {
    const found = Number(this.chart?.convertFromPixel({ xAxisIndex: 0 }, x));
    return Math.max(0, Math.min(this.spec.x.length - 1, Number.isFinite(found) ? Math.round(found) : 0));
  }

  private pixelOf(index: number): number {
    return Number(this.chart?.convertToPixel({ xAxisIndex: 0 }, index));
  }
}

/** A series and what it is compared with have one key, and so one colour and one tick box. */
function keyOf(series: Series): string {
  return series.compared ? series.key.replace(/^previous_/, "") : series.key;
}

/** The finished part of a series: nothing from `from` on. */
function before(values: Value[], from: number | null): Value[] {
  return from === null ? values : values.map((value, place) => (place < from ? value : null));
}

/** The unfinished part, joined to the last finished point. */
function onward(values: Value[], from: number): Value[] {
  return values.map((value, place) => (place >= from - 1 ? value : null));
}

function marker(index: number, colour: string): SVGElement {
  const shapes: Record<string, () => SVGElement> = {
    rect: () => svg("rect", { x: "7", y: "3", width: "6", height: "6" }),
    triangle: () => svg("path", { d: "M10 2 L13.5 9 L6.5 9 Z" }),
    diamond: () => svg("path", { d: "M10 2 L14 6 L10 10 L6 6 Z" }),
    circle: () => svg("circle", { cx: "10", cy: "6", r: "3" }),
  };
  const symbol = symbolOf(index);
  const made = (shapes[symbol.replace("empty", "").toLowerCase()] ?? shapes["circle"])!();
  made.setAttribute("fill", symbol.startsWith("empty") ? "none" : colour);
  made.setAttribute("stroke", colour);
  return made;
}
