// A camera's recognition settings: each is saved when it is changed, the running camera takes it at once.

import { call, run, say } from "/static/api.js";
import { showSnapshots } from "/static/snapshots.js";

const form = document.getElementById("settings");
const path = `/cameras/${encodeURIComponent(form.dataset.camera)}`;
const SHOW_LOAD_MS = 5000;

function read(row) {
  const input = row.querySelector("[id^='s-']");
  if (row.dataset.kind === "switch") return input.checked;
  if (row.querySelector(".unlimited")?.checked) return "unlimited";
  const text = input.value.trim();
  if (text === "") return null;
  if (row.dataset.kind === "choice") return /^\d+$/.test(text) ? Number(text) : text;
  if (row.dataset.kind !== "polygons") return Number(text);
  try {
    return JSON.parse(text);
  } catch {
    throw new Error("Write a list of polygons, each a list of [x, y] points from 0 to 1.");
  }
}

function write(row, one) {
  const input = row.querySelector("[id^='s-']");
  const unlimited = row.querySelector(".unlimited");
  if (unlimited) {
    unlimited.checked = one.value === "unlimited";
    input.disabled = unlimited.checked || unlimited.disabled;
  }
  if (row.dataset.kind === "switch") input.checked = one.value;
  else if (row.dataset.kind === "polygons") input.value = one.value.length ? JSON.stringify(one.value) : "";
  else input.value = one.value === "unlimited" || one.value === null ? "" : one.value;
  row.classList.toggle("changed", !one.is_default);
  row.querySelector(".reset")?.toggleAttribute("hidden", one.is_default);
  row.querySelector(".auto").hidden = !one.has_auto;
  row.querySelector(".auto output").textContent = one.auto === null ? "none" : JSON.stringify(one.auto);
  row.querySelector(".overridden").hidden = !one.overridden;
}

function showCost(cost) {
  const percent = (share) => `${Math.round(share * 100)} %`;
  const measured = cost.loads.filter((load) => load.ms_per_look !== null);
  const now = document.getElementById("s-preset").value;
  document.querySelector("#cost tbody").replaceChildren(
    ...measured.map((load) => {
      const row = document.createElement("tr");
      row.classList.toggle("chosen", load.preset === now);
      const how = load.measured ? "measured" : "estimated";
      const cells = [load.preset, load.ms_per_look.toFixed(0), percent(load.core_share_average), percent(load.core_share_busy), how];
      cells.forEach((text, place) => {
        const cell = row.insertCell();
        cell.textContent = text;
        if (place > 0 && place < 4) cell.className = "number";
      });
      return row;
    }),
  );
  document.getElementById("cost").hidden = !measured.length;
  document.getElementById("no-cost").hidden = measured.length > 0;
  list("notes", cost.notes);
}

function list(id, texts) {
  document.getElementById(id).replaceChildren(
    ...texts.map((text) => Object.assign(document.createElement("li"), { textContent: text })),
  );
}

// What a person is typing is left alone; everything else follows the camera.
async function refresh() {
  const state = await call("GET", `${path}/recognition-settings`);
  for (const one of state.settings) {
    const row = form.querySelector(`[data-setting="${one.info.name}"]`);
    const wrong = !row.querySelector(".wrong").hidden;
    if (row && !wrong && !row.contains(document.activeElement)) write(row, one);
  }
  showCost(state.cost);
  const prompt = document.getElementById("prompt");
  prompt.textContent = state.validation.prompt;
  prompt.hidden = !state.validation.prompt;
  return state;
}

async function save(row, value) {
  const name = row.dataset.setting;
  const wrong = row.querySelector(".wrong");
  try {
    const sent = value === undefined ? read(row) : value;
    await call("PATCH", path, { recognition: { [name]: sent } });
    wrong.hidden = true;
    const state = await refresh();
    write(row, state.settings.find((one) => one.info.name === name));
    say(`${name} is saved.`);
  } catch (error) {
    wrong.textContent = error.message;
    wrong.hidden = false;
  }
}

form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("change", (event) => {
  const row = event.target.closest("[data-setting]");
  // Taking "unlimited" away asks for a number first; the default is a sensible one.
  if (event.target.classList.contains("unlimited") && !event.target.checked) save(row, null);
  else save(row);
});
form.addEventListener("click", (event) => {
  if (event.target.dataset?.do !== "reset") return;
  const row = event.target.closest("[data-setting]");
  row.querySelector(".wrong").hidden = true;
  run(event.target, () => save(row, null));
});

const commands = {
  async validate() {
    const answer = await call("POST", `${path}/validate`, {});
    const likelihood = answer.average_likelihood_percent === null ? "-" : answer.average_likelihood_percent;
    return [
      `License plates detected: ${answer.summary}. Average confidence: ${likelihood} %. Average processing time: ${answer.average_ms} ms.`,
      `${answer.correct} correct, ${answer.wrong} wrong, ${answer.extra} extra.`,
      ...(answer.thresholds ? [`Suggested: discard_below ${answer.thresholds.discard_below}, stop_above ${answer.thresholds.stop_above} (${answer.thresholds.why})`] : []),
    ];
  },
  async autoconfigure() {
    if (!confirm("Auto-configuration overwrites what was set by hand: area, character heights, preset and thresholds. Go on?")) return [];
    const answer = await call("POST", `${path}/autoconfigure`, { apply: true });
    const changed = Object.keys(answer.new).filter((name) => JSON.stringify(answer.new[name]) !== JSON.stringify(answer.old[name]));
    return [
      answer.applied ? `Changed: ${changed.join(", ")}.` : "Nothing was changed.",
      `Before: ${answer.before.summary} detected, ${answer.before.correct} correct, ${answer.before.average_ms} ms.`,
      `After: ${answer.after.summary} detected, ${answer.after.correct} correct, ${answer.after.average_ms} ms.`,
      ...answer.notes,
    ];
  },
};

document.querySelector(".head").addEventListener("click", (event) => {
  const command = commands[event.target.dataset?.do];
  if (!command) return;
  run(event.target, async () => {
    const lines = await command();
    const place = document.getElementById("answer");
    place.textContent = lines.join("\n");
    place.hidden = !lines.length;
    await refresh();
  });
});

refresh().catch((error) => say(error.message, true));
setInterval(() => !document.hidden && refresh().catch(() => {}), SHOW_LOAD_MS);
showSnapshots(path);
