// The token, asked for once. Nothing else is shown without it.

import { ask } from "./api.js";
import { attempt } from "./answer.js";
import { field, find, make } from "./dom.js";
import { addView, isShown, showOnly } from "./tabs.js";

/** `locked()` is called when the listener wants the token; once it is given the page begins anew. */
export function startLogin({ locked }) {
  const place = make("div");
  const token = make("input", { id: "token", type: "password", autocomplete: "current-password", required: true });
  const form = make(
    "form",
    {
      class: "card",
      onsubmit: async (event) => {
        event.preventDefault();
        const login = () => ask("/api/login", { body: { token: token.value.trim() } });
        if (await attempt(place, find("button", form), login, { quiet: true })) location.reload();
      },
    },
    make("h1", {}, "Who is listening in?"),
    make(
      "p",
      { class: "lead" },
      "It shows what it hears only to who has its token, which was printed once, when this page was first served.",
    ),
    field("Token", token),
    make("button", { class: "primary" }, "Log in"),
    place,
  );
  find("#view-login").append(form);
  addView("login");
  document.addEventListener("locked", () => {
    if (isShown("login")) return;
    locked();
    document.body.classList.add("locked");
    showOnly("login");
    token.focus();
  });
}
