// A camera's country modules: what is selected is shown beside the table at once, and saved when told to.

import { call, onSubmit, say } from "/static/api.js";
import { renewPrompt } from "/static/validation_prompt.js";

const form = document.getElementById("modules");
const path = `/cameras/${encodeURIComponent(form.dataset.camera)}`;
const rows = [...document.querySelectorAll("#installed tbody tr")];
const boxOf = (row) => row.querySelector("input");
const chosen = () => rows.filter((row) => boxOf(row).checked).map((row) => row.dataset.code);
const missing = form.dataset.missing.split(" ").filter(Boolean);
let saved = chosen();

// A country's code brings its regions: US brings US-CA.
const broughtBy = (code, codes) => codes.find((one) => code.startsWith(`${one}-`));

function show() {
  const codes = chosen();
  const items = codes.map((code) => {
    const name = rows.find((row) => row.dataset.code === code).querySelector("label").textContent;
    const regions = rows.filter((row) => row.dataset.code.startsWith(`${code}-`)).length;
    return `${name} (${code})${regions ? `, with its ${regions} regions` : ""}`;
  });
  items.push(...missing.map((code) => `${code}: not installed any more; saving leaves it out`));
  document.getElementById("selected").replaceChildren(
    ...items.map((text) => Object.assign(document.createElement("li"), { textContent: text })),
  );
  document.getElementById("none-selected").hidden = items.length > 0;
  const used = rows.filter((row) => row.dataset.elsewhere === "yes" || boxOf(row).checked || broughtBy(row.dataset.code, codes));
  const free = document.getElementById("free-number");
  free.textContent = Math.max(0, Number(free.dataset.most) - used.length);
  const dirty = missing.length > 0 || codes.join() !== saved.join();
  for (const id of ["save", "discard"]) document.getElementById(id)?.toggleAttribute("disabled", !dirty);
}

form.addEventListener("change", show);
document.getElementById("find").addEventListener("input", (event) => {
  const wanted = event.target.value.trim().toLowerCase();
  rows.forEach((row) => (row.hidden = !row.textContent.toLowerCase().includes(wanted)));
});
document.getElementById("find").addEventListener("keydown", (event) => event.key === "Enter" && event.preventDefault());
document.getElementById("discard")?.addEventListener("click", () => {
  rows.forEach((row) => (boxOf(row).checked = saved.includes(row.dataset.code)));
  show();
});
onSubmit("modules", async () => {
  await call("PATCH", path, { modules: chosen() });
  saved = chosen();
  missing.length = 0;
  await renewPrompt(path);
  say("The country modules are saved.");
  // The button is given back after a command; what it may do is told after that.
  setTimeout(show);
});
window.addEventListener("beforeunload", (event) => chosen().join() !== saved.join() && event.preventDefault());
show();
