// What a camera answers, as a list of names and values that a person can read.

const words = (name) => name.replaceAll("_", " ").replace(/ s$/, ", seconds");

function said(value) {
  if (value === null || value === "" || (Array.isArray(value) && !value.length)) return "-";
  if (typeof value === "boolean") return value ? "yes" : "no";
  return Array.isArray(value) ? value.join(", ") : String(value);
}

const isGroup = (value) => value !== null && typeof value === "object" && !Array.isArray(value);
const flat = (answer) =>
  Object.entries(answer).flatMap(([name, value]) => (isGroup(value) ? flat(value) : [[words(name), said(value)]]));

export function showFacts(place, answer) {
  const list = document.createElement("dl");
  for (const [name, value] of flat(answer)) {
    list.append(
      Object.assign(document.createElement("dt"), { textContent: name }),
      Object.assign(document.createElement("dd"), { textContent: value }),
    );
  }
  place.replaceChildren(list);
  place.hidden = false;
}

// A row for each record, a cell for each of its named values.
export function fillRows(table, records, names) {
  table.querySelector("tbody").replaceChildren(
    ...records.map((one) => {
      const row = document.createElement("tr");
      for (const name of names) row.insertCell().textContent = said(one[name] ?? "");
      row.classList.toggle("differs", one.ok === false);
      return row;
    }),
  );
}
