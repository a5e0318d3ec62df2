// What happens when the log-in has expired under an open page.
import { all, element } from "../dom";
import { text } from "../texts";

/** Whether an answer is the log-in page, in place of what was asked for. */
export function isLogInPage(response: Response): boolean {
  return response.redirected && new URL(response.url).pathname === "/login";
}

/** Says that the log-in has expired, over a form that keeps what was typed; true when it should be sent again. */
export function askToLogIn(): Promise<boolean> {
  const again = element("button", { type: "submit", value: "again", class: "button primary" }, text("send_again"));
  const close = element("button", { type: "submit", value: "", class: "button" }, text("close"));
  const link = element("a", { href: "/login", target: "_blank", rel: "noopener" }, text("log_in"));
  const form = element("form", { method: "dialog" }, element("div", { class: "dialog-actions" }, again, close));
  const heading = element("h2", { id: "logged-out" }, text("logged_out"));
  const words = element("p", {}, text("log_in_elsewhere"), " ", link);
  const dialog = element("dialog", { class: "dialog", "aria-labelledby": "logged-out" }, heading, words, form);
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "again");
    });
  });
}

/** Gives the forms of this page the token of the new log-in; false if there is none. */
export async function renewFormTokens(): Promise<boolean> {
  const response = await fetch(location.href, { headers: { Accept: "text/html" } });
  if (!response.ok || isLogInPage(response)) {
    return false;
  }
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const token = page.querySelector<HTMLInputElement>('input[name="form_token"]')?.value;
  for (const input of all<HTMLInputElement>(document, 'input[name="form_token"]')) {
    input.value = token ?? input.value;
  }
  return token !== undefined;
}
