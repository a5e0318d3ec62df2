// A link that ends in #token=… logs in by itself. What is behind # never leaves the browser but in the form.

export function startTokenLink(): void {
  const form = document.getElementById("with-token");
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  const field = form?.querySelector<HTMLInputElement>("#token");
  if (!(form instanceof HTMLFormElement) || !field || !token) return;
  history.replaceState(null, "", location.pathname + location.search);
  field.value = token;
  form.requestSubmit();
}
