// What a page gives to a chart. The server side is web/charts.py; docs/design/charts.md describes it.

export type Value = number | null;

export interface Series {
  key: string;
  name: string;
  values: Value[];
  low?: Value[];
  high?: Value[];
  compared?: boolean;
  n?: Value[];
  link?: { who?: (string | null)[]; filter?: string };
}

export interface Mark {
  x: string;
  kind: "release" | "note";
  text: string;
  url?: string | null;
}

export interface TimeSeriesSpec {
  kind: "line" | "area" | "bar" | "stacked_bar" | "stacked";
  unit: string;
  currency?: string;
  zone: string;
  granularity: string;
  x: string[];
  series: Series[];
  unfinished_from: number | null;
  final_at?: (string | null)[];
  marks?: Mark[];
  compared_x?: string[];
  zoom?: string | null;
  note?: string | null;
}

export interface SankeySpec {
  kind: "sankey";
  unit: string;
  nodes: { name: string; label?: string; link?: string | null; depth?: number }[];
  links: { source: string; target: string; value: number; link?: string | null }[];
}

export interface HistogramSpec {
  kind: "histogram";
  unit: string;
  count_unit: string;
  edges: number[];
  counts: number[];
  marks?: { value: number; text: string }[];
  links?: (string | null)[];
}

export interface TreeNode {
  name: string;
  value: number;
  label?: string;
  link?: string | null;
  children?: TreeNode[];
}

export interface TreemapSpec {
  kind: "treemap";
  unit: string;
  nodes: TreeNode[];
}

export interface ScatterSpec {
  kind: "scatter";
  x_name: string;
  y_name: string;
  x_unit: string;
  y_unit: string;
  points: { x: number; y: number; name: string; size?: number; link?: string | null }[];
}

export interface FlowSpec {
  kind: "flow";
  unit: string;
  name: string;
  sources: { name: string; value: number; link?: string | null }[];
  sinks: { name: string; value: number; link?: string | null }[];
}

export type FormSpec = SankeySpec | HistogramSpec | TreemapSpec | ScatterSpec | FlowSpec;
