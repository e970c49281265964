// Add lists and plates, delete plates, import with a preview.

import { call, onSubmit, run, say } from "/static/api.js";

const list = document.getElementById("list")?.dataset.list;
const preview = document.getElementById("preview");
const confirmButton = document.getElementById("confirm");

onSubmit("add-list", async (_form, data) => {
  const kind = data.get("kind");
  const added = await call("POST", "/lists", { name: data.get("name"), kind });
  location.assign(`/lists/${encodeURIComponent(added.list_id)}`);
});

onSubmit("add-entry", async (_form, data) => {
  const until = data.get("valid_until");
  const entry = { pattern: data.get("pattern") };
  if (until) entry.valid_until = new Date(until).toISOString();
  await call("POST", `/lists/${encodeURIComponent(list)}/entries`, entry);
  location.reload();
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
