// Small choices of this browser. Storage may be switched off: then they last as long as the page.

const memory = new Map<string, string>();

/** A choice that was made before; "" if none was. */
export function recall(name: string): string {
  try {
    return localStorage.getItem(`questlog.${name}`) ?? memory.get(name) ?? "";
  } catch {
    return memory.get(name) ?? "";
  }
}

/** Keeps a choice. */
export function remember(name: string, value: string): void {
  memory.set(name, value);
  try {
    localStorage.setItem(`questlog.${name}`, value);
  } catch {
    // kept in memory
  }
}
