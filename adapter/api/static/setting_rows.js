// The rows of a camera's recognition settings: what stands in them, and what is said beside them.

const form = document.getElementById("settings");

export const rowOf = (name) => form.querySelector(`[data-setting="${name}"]`);
const field = (row) => row.querySelector("[id^='s-']");

// The value in a row. Throws what is wrong with it.
export function read(row) {
  const input = field(row);
  if (row.dataset.kind === "switch") return input.checked;
  if (row.querySelector(".unlimited")?.checked) return "unlimited";
  const text = input.value.trim();
  if (!input.checkValidity()) throw new Error(`Takes ${row.querySelector(".range").textContent}.`);
  if (text === "") return row.dataset.kind === "polygons" ? [] : null;
  if (row.dataset.kind === "choice") return /^\d+$/.test(text) ? Number(text) : text;
  if (row.dataset.kind !== "polygons") return Number(text);
  try {
    return JSON.parse(text);
  } catch {
    throw new Error("Write a list of polygons, each a list of [x, y] points from 0 to 1.");
  }
}

export function write(row, value) {
  const input = field(row);
  const unlimited = row.querySelector(".unlimited");
  if (unlimited) {
    unlimited.checked = value === "unlimited";
    input.disabled = unlimited.checked || unlimited.disabled;
  }
  if (row.dataset.kind === "switch") input.checked = value;
  else if (row.dataset.kind === "polygons") input.value = value.length ? JSON.stringify(value) : "";
  else input.value = value === "unlimited" || value === null ? "" : value;
  const slider = row.querySelector(".slider");
  if (slider) slider.value = input.value;
}

// What the camera says of one setting, beside what is set now.
export function describe(row, one, { unsaved, isDefault }) {
  row.classList.toggle("changed", !one.is_default);
  row.classList.toggle("unsaved", unsaved);
  row.querySelector(".reset")?.toggleAttribute("hidden", isDefault);
  row.querySelector(".auto").hidden = !one.has_auto;
  row.querySelector(".auto output").textContent = one.auto === null ? "none" : JSON.stringify(one.auto);
  row.querySelector(".overridden").hidden = !one.overridden;
}

export function showWrong(row, text) {
  const wrong = row.querySelector(".wrong");
  wrong.textContent = text;
  wrong.hidden = !text;
}

export function showBeside(beside) {
  form.querySelectorAll("[data-setting]").forEach((row) => {
    const place = row.querySelector(".estimate");
    place.textContent = beside[row.dataset.setting] ?? "";
    place.hidden = !place.textContent;
  });
}
