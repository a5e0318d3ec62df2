// What scripts say. A page brings translations in <script type="application/json" id="texts">; see web/script_texts.py.

const english = {
  loading: "Loading",
  updated: "Updated",
  card_failed: "This card could not be loaded: the server does not answer.",
  retry: "Try again",
  logged_out: "You have been logged out.",
  log_in: "Log in",
  log_in_elsewhere: "Nothing you typed is lost. Log in again in another tab, then send the form again.",
  send_again: "Send again",
  close: "Close",
  not_sent: "The server does not answer. Nothing was saved; try again in a moment.",
  copy: "Copy",
  copied: "Copied",
  not_copied: "The browser did not allow copying. Select the text and copy it.",
  live: "Live",
  paused: "Paused",
  reconnecting: "Connecting again",
  new_rows: "{count} new",
  no_matches: "Nothing found",
  shortcuts_off: "Single-key shortcuts are switched off.",
  not_final: "not final yet",
  final_at: "final {time}",
  local_time: "your time: {time}",
  of_n: "of {n}",
  interval: "{low} to {high}",
  compared_with: "compared: {x}",
  unfinished: "unfinished",
  no_value: "no value",
  zoom_here: "Zoom to this",
  who: "Show players: {name}",
  filter_to: "Filter to {name}",
  add_note: "Add a note",
  release: "Release {text}",
  note: "Note: {text}",
  show_series: "Show {name}",
  players: "players",
  sessions: "sessions",
  events: "events",
} as const;

export type Text = keyof typeof english;

let translated: Partial<Record<Text, string>> | undefined;

function translations(): Partial<Record<Text, string>> {
  translated ??= JSON.parse(document.getElementById("texts")?.textContent || "{}") as Partial<Record<Text, string>>;
  return translated;
}

/** A text in the language of the page, with `{name}` replaced by values. */
export function text(key: Text, values: Readonly<Record<string, string | number>> = {}): string {
  const template = translations()[key] ?? english[key];
  return template.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}
