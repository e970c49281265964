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
  return polygonsIn(text);
}

// What is no list of polygons cannot be drawn; whether those in it may be set is for the API to say.
function polygonsIn(text) {
  const isPoint = (one) => Array.isArray(one) && one.length === 2 && one.every(Number.isFinite);
  const isListOf = (is) => (one) => Array.isArray(one) && one.every(is);
  let value = null;
  try {
    value = JSON.parse(text);
  } catch {
    // It is told below, as other values are.
  }
  if (isListOf(isListOf(isPoint))(value)) return value;
  throw new Error("Write a list of polygons, each a list of [x, y] points from 0 to 1.");
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

// Of what is drawn it is said under the picture as well: the row may be out of sight there.
export function showWrong(row, text) {
  const wrong = row.querySelector(".wrong");
  wrong.textContent = text;
  wrong.hidden = !text;
  const drawn = document.querySelector(`#workbench [data-wrong="${row.dataset.setting}"]`);
  if (!drawn) return;
  drawn.querySelector("span").textContent = text;
  drawn.hidden = !text;
}

export function showBeside(beside) {
  form.querySelectorAll("[data-setting]").forEach((row) => {
    const place = row.querySelector(".estimate");
    place.textContent = beside[row.dataset.setting] ?? "";
    place.hidden = !place.textContent;
  });
}
