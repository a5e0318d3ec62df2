// What all charts share: an instance of ECharts in the figure, that follows size and theme and ends with its element.
import { use, init, type EChartsType } from "echarts/core";
import { CanvasRenderer, SVGRenderer } from "echarts/renderers";
import { THEME_CHANGED } from "../frame/theme";

use([CanvasRenderer, SVGRenderer]);

const MANY_POINTS = 1000;

/** A figure that is drawn; `draw` gives what is to be drawn, again after every change of colours. */
export interface Drawn {
  chart: EChartsType;
  canvas: HTMLElement;
}

const drawn = new Map<HTMLElement, { chart: EChartsType; redraw: () => void; sizes: ResizeObserver }>();

/** Puts a chart into its place. SVG for few points: it is sharp, small and prints; a canvas for many. */
export function place(canvas: HTMLElement, points: number, draw: (chart: EChartsType) => void): EChartsType {
  sweep();
  const inside = document.createElement("div");
  inside.className = "chart-drawing";
  canvas.replaceChildren(inside);
  const chart = init(inside, null, { renderer: points < MANY_POINTS ? "svg" : "canvas", ssr: false });
  const redraw = (): void => draw(chart);
  const sizes = new ResizeObserver(() => {
    if (inside.clientWidth && (inside.clientWidth !== chart.getWidth() || inside.clientHeight !== chart.getHeight())) {
      chart.resize();
      redraw();
    }
  });
  drawn.set(canvas, { chart, redraw, sizes });
  redraw();
  sizes.observe(inside);
  return chart;
}

/** Ends charts whose elements have left the page. */
function sweep(): void {
  for (const [canvas, { chart, sizes }] of drawn) {
    if (!canvas.isConnected) {
      sizes.disconnect();
      chart.dispose();
      drawn.delete(canvas);
    }
  }
}

/** The drawing in a figure as a picture, with this many pixels for one of the page; null if there is none. */
export function pictureOf(canvas: HTMLElement, ratio: number, background: string): string | null {
  const chart = drawn.get(canvas)?.chart;
  return chart ? chart.getDataURL({ pixelRatio: ratio, backgroundColor: background }) : null;
}

document.addEventListener(THEME_CHANGED, () => {
  sweep();
  for (const { redraw } of drawn.values()) {
    redraw();
  }
});
