// The token is in the fragment, which browsers do not send. It leaves the address
// bar at once, so that it is not in the history or on a shared screen.
"use strict";

const token = new URLSearchParams(location.hash.slice(1)).get("t") ?? "";
history.replaceState(null, "", location.pathname);

const $ = (id) => document.getElementById(id);
const form = $("form");

if (token === "") {
  $("error").textContent = "This address has no setup token. Open the whole link, or make a new one with: linktor user reset-link";
  form.querySelector("button").disabled = true;
}

function explain(problem) {
  const fields = (problem.errors ?? []).map((e) => e.message);
  return fields.length > 0 ? fields.join(" ") : problem.detail;
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = form.querySelector("button");
  button.disabled = true;
  $("error").textContent = "";
  const body = { token, password: form.password.value };
  for (const field of ["email", "name"]) {
    const value = form.elements[field].value.trim(); // form.name is the form's own
    if (value !== "") body[field] = value;
  }
  try {
    const res = await fetch("/api/v1/auth/setup", {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-Linktor-CSRF": "1" },
      body: JSON.stringify(body),
    });
    const answer = await res.json();
    if (!res.ok) {
      $("error").textContent = explain(answer);
      return;
    }
    $("who").textContent = answer.user.email;
    form.hidden = true;
    $("intro").hidden = true;
    $("done").hidden = false;
  } catch {
    $("error").textContent = "The server does not answer. Try again.";
  } finally {
    button.disabled = false;
  }
});
