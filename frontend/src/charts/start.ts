// Draws the charts of a page when they come near the window, the others when there is nothing else to do; the scripts for
// it are loaded with the first.
import { all, whenever } from "../dom";
import type { FormSpec, TimeSeriesSpec } from "./spec";

const NEAR = "400px";
const AFTER_MS = 1000;

export function startCharts(): void {
  const near = new IntersectionObserver(
    (entries) => {
      for (const entry of entries) {
        if (entry.isIntersecting) {
          near.unobserve(entry.target);
          void show(entry.target as HTMLElement);
        }
      }
    },
    { rootMargin: NEAR },
  );
  whenever("figure[data-chart]", (figure) => {
    // Drawn at once where it can be seen: a card that loads again does not flicker.
    const box = figure.getBoundingClientRect();
    if (isLoaded && box.top < innerHeight && box.bottom > 0) {
      void show(figure);
    } else {
      near.observe(figure);
      whenIdle(() => {
        if (figure.isConnected) {
          near.unobserve(figure);
          void show(figure);
        }
      });
    }
  });
}

/** Later, when the page rests; Safari has no such callback. */
function whenIdle(work: () => void): void {
  setTimeout(() => ("requestIdleCallback" in window ? requestIdleCallback(work, { timeout: 2000 }) : work()), AFTER_MS);
}

const begun = new WeakSet<HTMLElement>();
let isLoaded = false;
let forms: typeof import("./forms") | undefined;
let timeSeries: typeof import("./time-series") | undefined;

async function show(figure: HTMLElement): Promise<void> {
  const canvas = figure.querySelector<HTMLElement>(".chart-canvas");
  const data = figure.querySelector<HTMLScriptElement>("script.chart-spec");
  if (!canvas || !data || begun.has(figure)) {
    return;
  }
  begun.add(figure);
  try {
    const spec = JSON.parse(data.textContent ?? "") as TimeSeriesSpec | FormSpec;
    if (figure.dataset["chart"] === "time-series") {
      timeSeries ??= await import("./time-series");
      timeSeries.draw(figure, canvas, spec as TimeSeriesSpec);
    } else {
      forms ??= await import("./forms");
      forms.draw(figure, canvas, spec as FormSpec);
    }
    isLoaded = true;
    figure.setAttribute("data-drawn", "");
  } catch (error) {
    console.error("a chart could not be drawn", error);
    openTable(figure);
  }
}

/** Without a drawing, the table says it all. */
function openTable(figure: HTMLElement): void {
  figure.setAttribute("data-failed", "");
  const card = figure.closest("[data-card]") ?? figure.parentElement;
  const table = card ? all<HTMLDetailsElement>(card as HTMLElement, "details").find((each) => each.querySelector("table")) : undefined;
  if (table) {
    table.open = true;
  }
}
