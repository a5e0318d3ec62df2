// Brings the figures up to date while the page is in view.
"use strict";
const PAUSE_MS = 2000;

async function refresh() {
  if (document.hidden) return;
  const answer = await fetch(location.pathname, { redirect: "manual", credentials: "same-origin" });
  if (answer.type === "opaqueredirect") return location.reload();
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const id of ["readiness", "live", "refresh"]) {
    const [old, fresh] = [document.getElementById(id), page.getElementById(id)];
    if (old.innerHTML !== fresh.innerHTML) old.replaceChildren(...fresh.childNodes);
  }
  const hint = document.querySelector("section.empty");
  if (hint && !page.querySelector("section.empty")) hint.remove();
}

async function keepRefreshing() {
  try {
    await refresh();
  } catch {
    document.getElementById("refresh").textContent = "The server does not answer. Trying again…";
  }
  setTimeout(keepRefreshing, PAUSE_MS);
}

setTimeout(keepRefreshing, PAUSE_MS);
