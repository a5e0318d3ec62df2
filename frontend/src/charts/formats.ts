// Numbers and times as the page's language writes them.

const language = document.documentElement.lang || undefined;
const formats = new Map<string, Intl.NumberFormat>();

function number(key: string, options: Intl.NumberFormatOptions): Intl.NumberFormat {
  let format = formats.get(key);
  if (!format) {
    format = new Intl.NumberFormat(language, options);
    formats.set(key, format);
  }
  return format;
}

/** A value with its unit, in full. */
export function full(value: number, unit: string, currency?: string): string {
  if (unit === "share") {
    return number("share", { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 }).format(value);
  }
  if (unit === "s") {
    return duration(value);
  }
  if (currency || /^[A-Z]{3}$/.test(unit)) {
    return money(value, currency ?? unit, false);
  }
  const digits = Number.isInteger(value) ? 0 : Math.abs(value) < 1 ? 3 : 2;
  const text = number(`full${digits}`, { maximumFractionDigits: digits }).format(value);
  return unit === "ms" || unit === "fps" ? `${text} ${unit}` : text;
}

/** A value as short as an axis wants it. */
export function short(value: number, unit: string, currency?: string): string {
  if (unit === "share") {
    return number("axis%", { style: "percent", maximumFractionDigits: 1 }).format(value);
  }
  if (unit === "s") {
    return duration(value);
  }
  if (currency || /^[A-Z]{3}$/.test(unit)) {
    return money(value, currency ?? unit, true);
  }
  return number("axis", { notation: "compact", maximumFractionDigits: 2 }).format(value);
}

function money(value: number, currency: string, isShort: boolean): string {
  const options: Intl.NumberFormatOptions = { style: "currency", currency, currencyDisplay: "narrowSymbol" };
  try {
    return number(`${currency}${isShort}`, isShort ? { ...options, notation: "compact", maximumFractionDigits: 1 } : options).format(value);
  } catch {
    return `${number("money", { maximumFractionDigits: 2 }).format(value)} ${currency}`; // no ISO code
  }
}

function duration(seconds: number): string {
  const sign = seconds < 0 ? "−" : "";
  const whole = Math.round(Math.abs(seconds));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60];
  if (hours) {
    return `${sign}${number("whole", {}).format(hours)} h${minutes ? ` ${minutes} min` : ""}`;
  }
  if (minutes) {
    return `${sign}${minutes} min${rest ? ` ${rest} s` : ""}`;
  }
  return `${sign}${number("seconds", { maximumFractionDigits: 1 }).format(Math.abs(seconds))} s`;
}

const INTRADAY = new Set(["minute", "hour"]);
const LENGTHS = new Set(["minute", "hour", "day", "week", "month"]);

/** Writes points of a time axis: days as they are, instants in the zone of the game. */
export class Times {
  private readonly isIntraday: boolean;
  private readonly axis: Intl.DateTimeFormat;
  private readonly long: Intl.DateTimeFormat;
  private readonly day: Intl.DateTimeFormat;

  constructor(
    readonly granularity: string,
    readonly zone: string,
  ) {
    this.isIntraday = INTRADAY.has(granularity);
    const timeZone = this.isIntraday ? zone : "UTC";
    const clock: Intl.DateTimeFormatOptions = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
    this.axis = new Intl.DateTimeFormat(language, { timeZone, ...(this.isIntraday ? clock : this.ofAxis()) });
    this.day = new Intl.DateTimeFormat(language, { timeZone, day: "numeric", month: "short" });
    const whole: Intl.DateTimeFormatOptions =
      granularity === "month"
        ? { month: "long", year: "numeric" }
        : { weekday: "short", day: "numeric", month: "short", year: "numeric" };
    this.long = new Intl.DateTimeFormat(language, { timeZone, ...whole, ...(this.isIntraday ? clock : {}) });
  }

  private ofAxis(): Intl.DateTimeFormatOptions {
    return this.granularity === "month" ? { month: "short", year: "2-digit" } : { day: "numeric", month: "short" };
  }

  /** Of the ages of players and other numbers, there are no dates. */
  private dateOf(x: string): Date | null {
    const date = LENGTHS.has(this.granularity) ? new Date(x) : null;
    return date && !Number.isNaN(date.getTime()) ? date : null;
  }

  /** For the axis; at midnight the day, among hours. */
  onAxis(x: string): string {
    const date = this.dateOf(x);
    if (!date) {
      return x;
    }
    const text = this.axis.format(date);
    return this.isIntraday && /^0?0[:.]00$/.test(text) ? this.day.format(date) : text;
  }

  /** For a tooltip. */
  inFull(x: string): string {
    const date = this.dateOf(x);
    return date ? this.long.format(date) : x;
  }

  /** The instant in the zone of who looks; "" where it is the game's. */
  local(x: string): string {
    const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
    if (!this.isIntraday || own === this.zone) {
      return "";
    }
    return instant(x);
  }
}

/** An instant in the zone of who looks. */
export function instant(x: string): string {
  const date = new Date(x);
  return Number.isNaN(date.getTime())
    ? x
    : new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" }).format(date);
}
