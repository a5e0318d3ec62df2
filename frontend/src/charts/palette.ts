// Colours and marks of charts, from the style sheet: --series-1 to --series-8, --line, and the text's own colour.

const OKABE_ITO = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#8a8a00", "#6b6b6b"];
const SYMBOLS = ["circle", "rect", "triangle", "diamond", "emptyCircle", "emptyRect", "emptyTriangle", "emptyDiamond"] as const;

export interface Palette {
  text: string;
  faint: string;
  grid: string;
  surface: string;
  accent: string;
  font: string;
  series: (index: number) => string;
}

/** The colours that hold for an element now. */
export function paletteOf(place: HTMLElement): Palette {
  const style = getComputedStyle(place);
  const named = (name: string, otherwise: string): string => style.getPropertyValue(name).trim() || otherwise;
  const isForced = matchMedia("(forced-colors: active)").matches;
  const text = style.color;
  return {
    text,
    faint: isForced ? text : named("--soft", "#6b7280"),
    grid: isForced ? text : named("--line", "#d9dce1"),
    surface: isForced ? "Canvas" : named("--surface", "#ffffff"),
    accent: isForced ? text : named("--accent", "#0072b2"),
    font: style.fontFamily.replaceAll('"', "'"), // ECharts puts it between double quotes as it is
    series: (index) => named(`--series-${(index % 8) + 1}`, OKABE_ITO[index % 8] ?? "#0072b2"),
  };
}

/** The mark of a series, so that colour is never alone. */
export function symbolOf(index: number): (typeof SYMBOLS)[number] {
  return SYMBOLS[index % SYMBOLS.length] ?? "circle";
}
