// A match list itself: its name, kind, comparison, cameras and columns; and its end.

import { call, run } from "/static/api.js";
import { openForm, removeAfter } from "/static/record_form.js";

const element = document.getElementById("list-settings");
const path = `/lists/${encodeURIComponent(element.dataset.list)}`;
const { name } = JSON.parse(element.dataset.record);
const place = document.getElementById("columns");
const items = () => [...place.children].map((item) => ({ was: item.dataset.was, now: item.querySelector("input").value.trim() }));

function addColumn(name) {
  const item = document.getElementById("column").content.cloneNode(true).firstElementChild;
  item.dataset.was = name;
  item.querySelector("input").value = name;
  place.append(item);
  return item.querySelector("input");
}

const form = openForm("list-settings", {
  show: (list) => {
    place.replaceChildren();
    list.columns.forEach(addColumn);
  },
  also: items,
  save(values, list) {
    const columns = items().filter((one) => one.now);
    const kept = new Set(columns.map((one) => one.was));
    const lost = list.columns.filter((name) => !kept.has(name));
    if (lost.length && !confirm(`Take ${lost.join(", ")} away? What stands in it is not shown any more.`)) return undefined;
    return call("PUT", path, {
      // Without any camera there are no boxes.
      camera_ids: [],
      ...values,
      columns: columns.map((one) => one.now),
      renamed_columns: Object.fromEntries(columns.filter((one) => one.was && one.was !== one.now).map((one) => [one.was, one.now])),
    });
  },
});

document.getElementById("add-column").addEventListener("click", () => {
  addColumn("").focus();
  form.showDirty();
});

place.addEventListener("click", (event) => {
  const item = event.target.closest("li");
  if (event.target.dataset.do === "up") item.previousElementSibling?.before(item);
  else if (event.target.dataset.do === "drop") item.remove();
  else return;
  form.showDirty();
  // The button that had the focus went along, or is gone.
  (item.isConnected ? event.target : document.getElementById("add-column")).focus();
});

document.getElementById("remove-list").addEventListener("click", (event) =>
  run(event.target, () =>
    removeAfter(`Delete the list ${name} with its plates, alarm definitions and relays?`, () => call("DELETE", path), {
      address: "/lists",
      form,
    }),
  ),
);
