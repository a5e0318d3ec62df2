// Runs before anything is painted: the theme and the width of the navigation, as they were chosen in this browser.
// A classic script, without imports. The names are those of frame/stored.ts.
{
  const root = document.documentElement;
  for (const name of ["theme", "nav"]) {
    let chosen: string | null = null;
    try {
      chosen = localStorage.getItem(`questlog.${name}`);
    } catch {
      // storage is switched off
    }
    if (chosen) {
      root.dataset[name] = chosen;
    }
  }
  root.dataset["script"] = "on";
}
