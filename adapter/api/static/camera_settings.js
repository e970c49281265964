// A camera's recognition settings: changes are tried on its snapshots at once, and saved together when told to.

import { call, listItems, run, say } from "/static/api.js";
import { describe, read, rowOf, showBeside, showWrong, write } from "/static/setting_rows.js";
import { showSnapshots } from "/static/snapshots.js";
import { openTrials, showReads, summary } from "/static/trial.js";
import { openWorkbench } from "/static/workbench.js";

const form = document.getElementById("settings");
const bar = document.getElementById("draft");
const problem = document.getElementById("draft-problem");
const path = `/cameras/${encodeURIComponent(form.dataset.camera)}`;
const mayOperate = document.getElementById("pictures").dataset.may === "yes";
const SHOW_LOAD_MS = 5000;

let state = null; // what the camera has, as it was told last
let draft = {}; // what was changed here and is not saved
let snapshots = [];
const reads = { saved: null, tried: null };

const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);
const settings = () => state.settings;
const settingOf = (name) => settings().find((one) => one.info.name === name);
const saved = (name) => (state ? settingOf(name).value : null);
const valueOf = (name) => (name in draft ? draft[name] : saved(name));
const isDirty = () => Object.keys(draft).length > 0;

const workbench = openWorkbench({ path, mayEdit: form.dataset.may === "yes", set: change, saved });
const trials = openTrials({
  path,
  onResult(answer) {
    if (!isDirty()) return;
    reads.tried = answer.read;
    showCost(answer.cost);
    showResults();
  },
  onSaved(answer) {
    reads.saved = answer.read;
    showResults();
  },
  onProblem: tellRefusal,
});

function showResults() {
  const tried = isDirty() ? reads.tried : null;
  showReads(reads.saved, tried, snapshots, (name) => workbench.show(name));
  document.getElementById("draft-reads").textContent = tried ? summary(reads.saved, tried) : "";
  workbench.results((tried ?? reads.saved)?.results ?? []);
}

// -- changes that are not saved yet ------------------------------------------------------------------------------

function change(name, value) {
  if (same(value, saved(name))) delete draft[name];
  else draft[name] = value;
  write(rowOf(name), value);
  showWrong(rowOf(name), "");
  changed();
}

function changed() {
  settings().forEach(describeRow);
  showDraft();
  reads.tried = null;
  showResults();
  if (!isDirty()) showCost(state.cost);
  if (mayOperate) trials.later(draft);
}

function describeRow(one) {
  const name = one.info.name;
  const isDefault = same(valueOf(name), one.info.default) || valueOf(name) === null;
  describe(rowOf(name), one, { unsaved: name in draft, isDefault });
}

function showDraft() {
  const names = Object.keys(draft);
  bar.hidden = !names.length;
  document.getElementById("draft-what").textContent = `${names.length} unsaved: ${names.join(", ")}.`;
  tell("");
  workbench.update(Object.fromEntries(settings().map((one) => [one.info.name, valueOf(one.info.name)])));
}

function tell(text) {
  problem.textContent = text;
  problem.hidden = !text;
}

// What the API refuses is said beside the setting it names, and as a whole where it names several.
function tellRefusal(error) {
  const named = Object.entries(error.fields ?? {}).map(([field, why]) => [field.replace("recognition.", ""), why]);
  named.forEach(([name, why]) => rowOf(name) && showWrong(rowOf(name), why));
  tell(error.message);
}

async function save() {
  const names = Object.keys(draft);
  const sent = draft;
  try {
    await call("PATCH", path, { recognition: sent });
  } catch (error) {
    tellRefusal(error);
    return;
  }
  names.filter((name) => same(draft[name], sent[name])).forEach((name) => delete draft[name]);
  await refresh();
  changed();
  say(names.length === 1 ? `${names[0]} is saved.` : `${names.length} settings are saved.`);
  if (mayOperate) trials.anew(draft);
}

function discard() {
  draft = {};
  settings().forEach((one) => {
    write(rowOf(one.info.name), one.value);
    showWrong(rowOf(one.info.name), "");
  });
  changed();
}

// -- what the camera says ----------------------------------------------------------------------------------------

function showCost(cost) {
  const percent = (share) => `${Math.round(share * 100)} %`;
  const measured = cost.loads.filter((load) => load.ms_per_look !== null);
  document.querySelector("#cost tbody").replaceChildren(
    ...measured.map((load) => {
      const row = document.createElement("tr");
      row.classList.toggle("chosen", load.preset === valueOf("preset"));
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
  listItems("notes", cost.notes);
  showBeside(cost.beside);
}

// What a person is typing or has not saved is left alone; everything else follows the camera.
async function refresh() {
  const first = state === null;
  state = await call("GET", `${path}/recognition-settings`);
  for (const one of settings()) {
    const name = one.info.name;
    if (same(draft[name], one.value)) delete draft[name];
    const row = rowOf(name);
    const wrong = !row.querySelector(".wrong").hidden;
    if (!(name in draft) && !wrong && !row.contains(document.activeElement)) write(row, one.value);
    describeRow(one);
  }
  if (!isDirty()) {
    showCost(state.cost);
    if (first || !document.getElementById("workbench").contains(document.activeElement)) showDraft();
  }
  document.querySelector("[data-do=undo-autoconfigure]")?.toggleAttribute("hidden", !settings().some((one) => one.has_auto));
  const prompt = document.getElementById("prompt");
  prompt.textContent = state.validation.prompt;
  prompt.hidden = !state.validation.prompt;
}

// -- what a person does ------------------------------------------------------------------------------------------

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (isDirty()) save();
});

// Numbers and sliders are tried while they are typed or dragged; `change` comes when that is over.
form.addEventListener("input", (event) => take(event.target));
form.addEventListener("change", (event) => take(event.target));

function take(target) {
  const row = target.closest("[data-setting]");
  if (!row || !state) return;
  const name = row.dataset.setting;
  if (target.classList.contains("slider")) row.querySelector("[id^='s-']").value = target.value;
  // Taking "unlimited" away asks for a number first; the default is a sensible one.
  if (target.classList.contains("unlimited") && !target.checked) return change(name, settingOf(name).info.default);
  try {
    const value = read(row);
    if (same(value, valueOf(name))) return showWrong(row, "");
    if (same(value, saved(name))) delete draft[name];
    else draft[name] = value;
    showWrong(row, "");
    const unlimited = row.querySelector(".unlimited");
    if (unlimited) row.querySelector("[id^='s-']").disabled = unlimited.checked;
    const slider = row.querySelector(".slider");
    if (slider && slider !== target) slider.value = value ?? 0;
    changed();
  } catch (error) {
    // What is half typed must not be saved as it was before.
    delete draft[name];
    changed();
    showWrong(row, error.message);
  }
}

form.addEventListener("click", (event) => {
  if (event.target.dataset?.do !== "reset") return;
  const name = event.target.closest("[data-setting]").dataset.setting;
  change(name, settingOf(name).info.default);
});

bar.addEventListener("click", (event) => {
  if (event.target.dataset?.do === "save") run(event.target, save);
  if (event.target.dataset?.do === "discard") discard();
});

window.addEventListener("beforeunload", (event) => isDirty() && event.preventDefault());

const commands = {
  async validate() {
    const answer = await call("POST", `${path}/validate`, {});
    const likelihood = answer.average_likelihood_percent === null ? "-" : answer.average_likelihood_percent;
    return [
      `License plates detected: ${answer.summary}. Average confidence: ${likelihood} %. Average processing time: ${answer.average_ms} ms.`,
      `${answer.correct} correct, ${answer.wrong} wrong, ${answer.extra} extra.`,
      ...answer.advice,
      ...(answer.thresholds ? [`Suggested: discard_below ${answer.thresholds.discard_below}, stop_above ${answer.thresholds.stop_above} (${answer.thresholds.why})`] : []),
    ];
  },
  async autoconfigure() {
    if (!confirm("Auto-configuration overwrites what was set by hand: area, character heights, preset and thresholds. Go on?")) return [];
    const answer = await call("POST", `${path}/autoconfigure`, { apply: true });
    const found = Object.keys(answer.new).filter((name) => !same(answer.new[name], answer.old[name]));
    return [
      answer.applied ? `Changed: ${found.join(", ")}.` : "Nothing was changed.",
      `Before: ${answer.before.summary} detected, ${answer.before.correct} correct, ${answer.before.average_ms} ms.`,
      `After: ${answer.after.summary} detected, ${answer.after.correct} correct, ${answer.after.average_ms} ms.`,
      ...answer.notes,
    ];
  },
  async "undo-autoconfigure"() {
    if (!confirm("Put the settings back that the last auto-configuration overwrote? What was changed in them since is lost.")) return [];
    await call("POST", `${path}/autoconfigure/undo`);
    return ["The settings are as they were before the last auto-configuration."];
  },
};

document.querySelector(".head").addEventListener("click", (event) => {
  const command = commands[event.target.dataset?.do];
  if (!command) return;
  if (isDirty()) return say("Save or discard the changes first: this works with what is saved.", true);
  run(event.target, async () => {
    const lines = await command();
    const place = document.getElementById("answer");
    place.textContent = lines.join("\n");
    place.hidden = !lines.length;
    await refresh();
    showDraft();
    if (mayOperate) trials.anew(draft);
  });
});

// The page asks for each thing once, in the order in which they need one another.
try {
  await refresh();
  await showSnapshots(path, (found) => {
    snapshots = found;
    workbench.offer(found);
    if (mayOperate) trials.anew(draft);
  });
} catch (error) {
  say(error.message, true);
}
setInterval(() => !document.hidden && refresh().catch(() => {}), SHOW_LOAD_MS);
