// Add lists; add, change and delete plates, import them with a preview.

import { call, onSubmit, run, say } from "/static/api.js";
import { onRecords, openForm } from "/static/record_form.js";

const list = document.getElementById("list")?.dataset.list;
const preview = document.getElementById("preview");
const confirmButton = document.getElementById("confirm");

openForm("add-list", {
  save: (values) => call("POST", "/lists", values),
  done: (added) => location.assign(`/lists/${encodeURIComponent(added.list_id)}`),
});

// A day and time as the browser's field shows it, and as the API takes it.
const local = (moment) => {
  if (!moment) return "";
  const at = new Date(moment);
  return new Date(at - at.getTimezoneOffset() * 60000).toISOString().slice(0, 16);
};
const moment = (text) => (text ? new Date(text).toISOString() : null);

const columns = () => document.querySelectorAll("#entry [data-column]");
const entry = openForm("entry", {
  shown: (record) => ({ ...record, valid_from: local(record.valid_from), valid_until: local(record.valid_until) }),
  // The columns are the list's own, so they are no fields of the form but texts in it.
  show: (record) => columns().forEach((input) => (input.value = record?.fields[input.dataset.column] ?? "")),
  also: () => [...columns()].map((input) => input.value),
  save(values, record) {
    const body = { pattern: values.pattern, fields: {} };
    // What was not touched stays to the second; the field shows minutes.
    for (const name of ["valid_from", "valid_until"]) {
      body[name] = record && values[name] === local(record[name]) ? record[name] : moment(values[name]);
    }
    columns().forEach((input) => input.value && (body.fields[input.dataset.column] = input.value));
    if (!record) return call("POST", `/lists/${encodeURIComponent(list)}/entries`, body);
    return call("PUT", `/lists/${encodeURIComponent(list)}/entries/${encodeURIComponent(record.entry_id)}`, body);
  },
});

onRecords("entries", {
  change: (one) => entry.edit(one, one.pattern),
});

onSubmit("import", async (_form, data) => {
  tell(await send(data, false));
  confirmButton.hidden = false;
});

confirmButton?.addEventListener("click", () =>
  run(confirmButton, async () => {
    const result = await send(new FormData(document.getElementById("import")), true);
    say(`Imported: ${result.added} added, ${result.updated} updated, ${result.removed} removed.`);
    setTimeout(() => location.reload(), 1200);
  }),
);

document.getElementById("import")?.addEventListener("change", () => {
  confirmButton.hidden = true;
  preview.textContent = "";
});

onSubmit("change-entries", async (form, data) => {
  const entryIds = selected();
  if (!entryIds.length) return say("Select plates first.");
  const change = { entry_ids: entryIds, fields: {} };
  const until = data.get("valid_until");
  if (until) change.valid_until = new Date(until).toISOString();
  for (const input of form.querySelectorAll("[data-column]")) {
    if (input.value) change.fields[input.dataset.column] = input.value;
  }
  await call("POST", `/lists/${encodeURIComponent(list)}/entries/change`, change);
  location.reload();
});

const selected = () => [...document.querySelectorAll('input[name="entry"]:checked')].map((box) => box.value);

document.getElementById("delete-entries")?.addEventListener("click", (event) => {
  const entryIds = selected();
  if (!entryIds.length) return say("Select plates first.");
  if (!confirm(`Delete ${entryIds.length} plates from the list?`)) return;
  run(event.target, async () => {
    await call("POST", `/lists/${encodeURIComponent(list)}/entries/delete`, { entry_ids: entryIds });
    location.reload();
  });
});

async function send(data, confirmed) {
  const file = data.get("file");
  const format = file.name.toLowerCase().endsWith(".csv") ? "csv" : "txt";
  const query = new URLSearchParams({ format, mode: data.get("mode"), confirm: String(confirmed) });
  return call("POST", `/lists/${encodeURIComponent(list)}/import?${query}`, file, { type: "text/csv" });
}

function tell(result) {
  const lines = [
    `${result.added} to add, ${result.updated} to update, ${result.unchanged} unchanged, ` +
      `${result.removed} to remove, ${result.rejected_count} rejected.`,
    ...result.rejected.map((one) => `Line ${one.line}: ${one.text}: ${one.reason}`),
  ];
  preview.textContent = lines.join("\n");
}
