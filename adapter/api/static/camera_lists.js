// The match lists that a camera uses: all of them, present and future, or those that are selected.

import { call, onSubmit, say } from "/static/api.js";
import { renewPrompt } from "/static/validation_prompt.js";

const form = document.getElementById("lists");
const path = `/cameras/${encodeURIComponent(form.dataset.camera)}`;
const problem = document.getElementById("problem");

function show() {
  form.querySelector(".choices").hidden = form.elements.mode.value === "all";
  problem.hidden = true;
}

form.addEventListener("change", show);
onSubmit("lists", async (_form, data) => {
  const selected = data.get("mode") === "all" ? null : data.getAll("list");
  if (selected && !selected.length) {
    problem.textContent = "Select at least one list, or all lists.";
    problem.hidden = false;
    return;
  }
  await call("PATCH", path, { selected_lists: selected });
  await renewPrompt(path);
  say("The match lists are saved.");
});
show();
