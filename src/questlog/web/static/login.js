// A link that ends in #token=… logs in by itself. What is behind # never leaves the browser but in the form.
"use strict";
const given = new URLSearchParams(location.hash.slice(1)).get("token");
if (given) {
  history.replaceState(null, "", location.pathname);
  document.getElementById("token").value = given;
  document.getElementById("with-token").requestSubmit();
}
