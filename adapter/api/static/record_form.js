// A form that adds a record or changes one: filled from it, guarded while it is not saved, and told what is wrong where.

import { run } from "/static/api.js";

// `values` come by the names of the fields: switches are booleans, a group of boxes (`data-many`) a list, numbers numbers.
export function valuesOf(form) {
  const values = {};
  for (const input of form.elements) {
    if (!input.name || input.disabled) continue;
    if (input.dataset.many !== undefined) {
      values[input.name] ??= [];
      if (input.checked) values[input.name].push(input.value);
    } else if (input.type === "checkbox") values[input.name] = input.checked;
    else if (input.type === "number") values[input.name] = input.value === "" ? null : Number(input.value);
    else values[input.name] = input.value;
  }
  return values;
}

function fill(form, record) {
  for (const input of form.elements) {
    if (!(input.name in record)) continue;
    const value = record[input.name];
    if (input.dataset.many !== undefined) input.checked = value.includes(input.value);
    else if (input.type === "checkbox") input.checked = value;
    else input.value = value ?? "";
  }
}

// `save(values, record)` sends it, record null for a new one. `show(record)` is told whenever another one is in the form.
// `shown(record)` is the record as its fields show it. `also()` gives what is edited beside the fields. What is saved reloads the page, unless `done(answer)` does otherwise.
export function openForm(id, { save, show = () => {}, shown = (one) => one, also = () => null, done = () => location.reload() }) {
  const form = document.getElementById(id);
  if (!form) return null;
  const title = form.querySelector("h2");
  const [button, cancel] = ["save", "cancel"].map((what) => form.querySelector(`[data-do="${what}"]`));
  const problem = form.querySelector(".problem");
  const words = { title: title.textContent, button: button.textContent };
  let record = form.dataset.record ? JSON.parse(form.dataset.record) : null;
  const own = record;
  let clean;

  const now = () => JSON.stringify([valuesOf(form), also()]);
  const isDirty = () => now() !== clean;
  const showDirty = () => cancel.toggleAttribute("hidden", record === own && !isDirty());

  function tell(text) {
    problem.textContent = text;
    problem.hidden = !text;
    form.querySelectorAll(".wrong").forEach((one) => one.remove());
    form.querySelectorAll("[aria-invalid]").forEach((one) => {
      one.removeAttribute("aria-invalid");
      one.removeAttribute("aria-describedby");
    });
  }

  // What names a field is said under it, the rest under the form.
  function refuse(error) {
    const rest = [];
    tell("");
    for (const [name, why] of Object.entries(error.fields ?? {})) {
      const input = [...form.elements].find((one) => one.name === name.split(".")[0] && one.type !== "hidden");
      if (!input) {
        rest.push(`${name === "body" ? "" : `${name}: `}${why}`);
        continue;
      }
      const place = Object.assign(document.createElement("p"), { className: "wrong", id: `${id}-${input.name}-wrong`, textContent: why });
      (input.closest("fieldset, label") ?? input).after(place);
      input.setAttribute("aria-invalid", "true");
      input.setAttribute("aria-describedby", place.id);
    }
    problem.textContent = Object.keys(error.fields ?? {}).length ? rest.join(" ") : error.message;
    problem.hidden = !problem.textContent;
    (form.querySelector("[aria-invalid]") ?? button).focus();
  }

  function put(chosen, name) {
    form.reset();
    record = chosen;
    open(name);
  }

  function open(name) {
    if (record) fill(form, shown(record));
    title.textContent = record && record !== own ? `Change ${name}` : words.title;
    button.textContent = record ? "Save" : words.button;
    tell("");
    show(record);
    clean = now();
    showDirty();
  }

  const mayLeave = () => !isDirty() || confirm("Give up the changes that are not saved?");
  form.addEventListener("input", showDirty);
  form.addEventListener("change", showDirty);
  cancel.addEventListener("click", () => mayLeave() && put(own));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    run(button, async () => {
      const sent = now();
      try {
        const answer = await save(valuesOf(form), record);
        if (answer === undefined) return; // it was thought better of
        clean = sent;
        tell("");
        done(answer, record);
      } catch (error) {
        // The button takes the focus back only when it is not locked any more.
        setTimeout(() => refuse(error));
      }
    });
  });
  window.addEventListener("beforeunload", (event) => isDirty() && event.preventDefault());
  // What was typed before this script ran is left where it is.
  open();

  return {
    form,
    edit(chosen, name) {
      if (!mayLeave()) return;
      put(chosen, name);
      form.scrollIntoView({ block: "nearest" });
      form.querySelector("input:enabled:not([type=hidden], [readonly]), select:enabled")?.focus();
    },
    // The page goes elsewhere on purpose.
    settle: () => (clean = now()),
    refuse,
    showDirty,
  };
}

// Buttons of a table: `commands[what](record, row)` for a button with `data-do="what"`; null for one in no row.
export function onRecords(id, commands) {
  const table = document.getElementById(id);
  table?.addEventListener("click", (event) => {
    const command = commands[event.target.dataset?.do];
    if (!command) return;
    const row = event.target.closest("[data-record]");
    run(event.target, () => command(row && JSON.parse(row.dataset.record), row));
  });
}

// Ask first, then remove, then show a page without it: this one, or `address`.
export async function removeAfter(question, remove, { address = null, form = null } = {}) {
  if (!confirm(question)) return;
  await remove();
  form?.settle();
  if (address) location.assign(address);
  else location.reload();
}
