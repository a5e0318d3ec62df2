// The other charts: Sankey, histogram, treemap, scatter, flow.
import type { EChartsType } from "echarts/core";
import { use } from "echarts/core";
import { BarChart, SankeyChart, ScatterChart, TreemapChart } from "echarts/charts";
import { GridComponent, MarkLineComponent } from "echarts/components";
import { place } from "./engine";
import { full, short } from "./formats";
import { paletteOf, type Palette } from "./palette";
import type { FlowSpec, FormSpec, HistogramSpec, SankeySpec, ScatterSpec, TreemapSpec, TreeNode } from "./spec";
import { type Line, Tooltip } from "./tooltip";

use([BarChart, SankeyChart, ScatterChart, TreemapChart, GridComponent, MarkLineComponent]);

type Option = Record<string, unknown>;

/** What a mark of a chart says and where a click on it leads. */
interface Said {
  title: string;
  lines: Line[];
  link?: string | null | undefined;
}

interface Form {
  points: number;
  option: (palette: Palette, width: number) => Option;
  say: (mark: MarkEvent) => Said | null;
}

interface MarkEvent {
  dataIndex: number;
  dataType?: "node" | "edge";
  data: unknown;
}

export function draw(_figure: HTMLElement, canvas: HTMLElement, spec: FormSpec): void {
  const form = formOf(spec);
  const chart = place(canvas, form.points, (drawn) => {
    drawn.setOption(form.option(paletteOf(canvas), canvas.clientWidth) as Parameters<EChartsType["setOption"]>[0], true);
  });
  const tooltip = new Tooltip(canvas);
  chart.on("mousemove", (event) => {
    const said = form.say(event as unknown as MarkEvent);
    const { offsetX, offsetY } = event.event as { offsetX: number; offsetY: number };
    if (said) {
      tooltip.show(offsetX, offsetY, said.title, said.lines);
      canvas.classList.toggle("clickable", Boolean(said.link));
    }
  });
  chart.on("globalout", () => tooltip.hide());
  chart.on("mouseout", () => tooltip.hide());
  chart.on("click", (event) => {
    const link = form.say(event as unknown as MarkEvent)?.link;
    if (link) {
      go(canvas, link);
    }
  });
}

function go(canvas: HTMLElement, url: string): void {
  const link = document.createElement("a");
  link.href = url;
  link.hidden = true;
  canvas.append(link); // inside of [data-swap], so it navigates as other links of the page do
  link.click();
  link.remove();
}

function formOf(spec: FormSpec): Form {
  switch (spec.kind) {
    case "sankey":
      return sankey(spec);
    case "histogram":
      return histogram(spec);
    case "treemap":
      return treemap(spec);
    case "scatter":
      return scatter(spec);
    case "flow":
      return sankey(flow(spec));
  }
}

function sankey(spec: SankeySpec): Form {
  const labels = new Map(spec.nodes.map((node) => [node.name, node.label ?? node.name]));
  const columns = 1 + Math.max(1, ...spec.nodes.map((node) => node.depth ?? 0));
  return {
    points: spec.nodes.length + spec.links.length,
    option: (palette, width) => ({
      animation: false,
      series: {
        type: "sankey",
        left: 8,
        right: Math.min(120, width / columns),
        top: 8,
        bottom: 8,
        nodeWidth: 12,
        nodeGap: 10,
        draggable: false,
        layoutIterations: 32,
        emphasis: { focus: "adjacency" },
        data: spec.nodes.map((node, index) => ({
          name: node.name,
          ...(node.depth === undefined ? {} : { depth: node.depth }),
          itemStyle: { color: palette.series(node.depth ?? index), borderColor: palette.surface },
        })),
        links: spec.links.map(({ source, target, value }) => ({ source, target, value })),
        lineStyle: { color: "source", opacity: 0.28, curveness: 0.5 },
        label: {
          color: palette.text,
          fontFamily: palette.font,
          fontSize: 11,
          width: Math.min(112, width / columns - 20),
          overflow: "truncate",
          formatter: ({ name }: { name: string }) => labels.get(name) ?? name,
        },
      },
    }),
    say: (mark) => {
      if (mark.dataType === "edge") {
        const link = spec.links[mark.dataIndex];
        const title = link ? `${labels.get(link.source) ?? link.source} → ${labels.get(link.target) ?? link.target}` : "";
        return link ? { title, lines: [{ name: spec.unit, value: full(link.value, spec.unit) }], link: link.link } : null;
      }
      const node = spec.nodes[mark.dataIndex];
      const sum = (side: "source" | "target"): number =>
        spec.links.filter((link) => link[side] === node?.name).reduce((total, link) => total + link.value, 0);
      const value = Math.max(sum("source"), sum("target"));
      return node ? { title: labels.get(node.name) ?? "", lines: [{ name: spec.unit, value: full(value, spec.unit) }], link: node.link } : null;
    },
  };
}

/** Sources and sinks of an amount, with the amount between them. */
function flow(spec: FlowSpec): SankeySpec {
  const node = (side: string, depth: number) => (each: { name: string; link?: string | null }) => ({
    name: `${side} ${each.name}`,
    label: each.name,
    depth,
    ...(each.link ? { link: each.link } : {}),
  });
  const between = "=";
  return {
    kind: "sankey",
    unit: spec.unit,
    nodes: [...spec.sources.map(node("+", 0)), { name: between, label: spec.name, depth: 1 }, ...spec.sinks.map(node("-", 2))],
    links: [
      ...spec.sources.map((each) => ({ source: `+ ${each.name}`, target: between, value: each.value })),
      ...spec.sinks.map((each) => ({ source: between, target: `- ${each.name}`, value: each.value })),
    ],
  };
}

function histogram(spec: HistogramSpec): Form {
  const { edges, counts } = spec;
  const total = counts.reduce((sum, count) => sum + count, 0);
  const range = (index: number): string => `${full(edges[index] ?? 0, spec.unit)} – ${full(edges[index + 1] ?? 0, spec.unit)}`;
  return {
    points: counts.length,
    option: (palette) => ({
      ...plain(palette),
      xAxis: { type: "category", data: counts.map((_, index) => short(edges[index] ?? 0, spec.unit)), ...axis(palette), axisTick: { show: false } },
      yAxis: { type: "value", splitNumber: 4, ...axis(palette), axisLabel: { ...axis(palette).axisLabel, formatter: (value: number) => short(value, spec.count_unit) } },
      series: {
        type: "bar",
        data: counts,
        barCategoryGap: "4%",
        itemStyle: { color: palette.series(0) },
        markLine: {
          symbol: "none",
          silent: true,
          lineStyle: { color: palette.faint, type: [3, 3] },
          label: { color: palette.faint, fontFamily: palette.font, fontSize: 10 },
          data: (spec.marks ?? []).map((mark) => ({ xAxis: binOf(mark.value, edges), label: { formatter: mark.text } })),
        },
      },
    }),
    say: (mark) => {
      const count = counts[mark.dataIndex] ?? 0;
      const share = total ? full(count / total, "share") : "";
      return { title: range(mark.dataIndex), lines: [{ name: spec.count_unit, value: full(count, spec.count_unit), note: share }], link: spec.links?.[mark.dataIndex] };
    },
  };
}

function binOf(value: number, edges: number[]): number {
  const found = edges.findIndex((edge, index) => index > 0 && value < edge);
  return Math.max(0, (found < 0 ? edges.length - 1 : found) - 1);
}

function treemap(spec: TreemapSpec): Form {
  const clean = (node: TreeNode): Option => ({
    name: node.label ?? node.name,
    value: node.value,
    ...(node.children ? { children: node.children.map(clean) } : {}),
    place: node.link ?? null,
  });
  return {
    points: spec.nodes.length,
    option: (palette) => ({
      animation: false,
      series: {
        type: "treemap",
        left: 0,
        right: 0,
        top: 0,
        bottom: 0,
        roam: false,
        nodeClick: false,
        breadcrumb: { show: false },
        data: spec.nodes.map((node, index) => ({ ...clean(node), itemStyle: { color: palette.series(index) } })),
        label: { fontFamily: palette.font, fontSize: 11 },
        itemStyle: { borderColor: palette.surface, gapWidth: 1 },
      },
    }),
    say: (mark) => {
      const data = mark.data as { name: string; value: number; place: string | null } | null;
      return data ? { title: data.name, lines: [{ name: spec.unit, value: full(data.value, spec.unit) }], link: data.place } : null;
    },
  };
}

function scatter(spec: ScatterSpec): Form {
  const largest = Math.max(1, ...spec.points.map((point) => point.size ?? 0));
  const value = (name: string, formatUnit: string, palette: Palette): Option => ({
    type: "value",
    name,
    nameLocation: "middle",
    nameGap: 28,
    nameTextStyle: axis(palette).axisLabel,
    ...axis(palette),
    axisLabel: { ...axis(palette).axisLabel, formatter: (number: number) => short(number, formatUnit) },
  });
  return {
    points: spec.points.length,
    option: (palette) => ({
      ...plain(palette),
      grid: { left: 36, right: 16, top: 12, bottom: 36, outerBoundsMode: "same", outerBoundsContain: "axisLabel" },
      xAxis: value(spec.x_name, spec.x_unit, palette),
      yAxis: value(spec.y_name, spec.y_unit, palette),
      series: {
        type: "scatter",
        data: spec.points.map((point) => [point.x, point.y]),
        symbolSize: (_: unknown, { dataIndex }: { dataIndex: number }) => 6 + 18 * Math.sqrt((spec.points[dataIndex]?.size ?? 0) / largest),
        itemStyle: { color: palette.series(0), opacity: 0.7 },
      },
    }),
    say: (mark) => {
      const point = spec.points[mark.dataIndex];
      return point
        ? {
            title: point.name,
            lines: [
              { name: spec.x_name, value: full(point.x, spec.x_unit) },
              { name: spec.y_name, value: full(point.y, spec.y_unit) },
            ],
            link: point.link,
          }
        : null;
    },
  };
}

function plain(_palette: Palette): Option {
  return { animation: false, grid: { left: 4, right: 12, top: 20, bottom: 4, outerBoundsMode: "same", outerBoundsContain: "axisLabel" } };
}

function axis(palette: Palette): { axisLine: Option; splitLine: Option; axisLabel: Option } {
  const line = { lineStyle: { color: palette.grid } };
  return { axisLine: line, splitLine: line, axisLabel: { color: palette.faint, fontFamily: palette.font, fontSize: 11, hideOverlap: true } };
}
