// The prompt to validate after a change, as the service words it.

import { call } from "/static/api.js";

export async function renewPrompt(path) {
  const { validation } = await call("GET", `${path}/recognition-settings`);
  const place = document.getElementById("prompt");
  place.querySelector("span").textContent = validation.prompt;
  place.hidden = !validation.prompt;
}
