// A camera's settings for plates: the plan with its reasons first, then sent and read back, and put back when told to.

import { call, listItems, run, say } from "/static/api.js";
import { fillRows } from "/static/facts.js";

const form = document.getElementById("tuning");
const path = `/cameras/${encodeURIComponent(form.dataset.camera)}`;
const plan = document.getElementById("plan");
const applied = document.getElementById("applied");
const problem = document.getElementById("problem");
const apply = document.getElementById("apply");

const number = (name) => (form.elements[name].value === "" ? null : Number(form.elements[name].value));
const wishes = () => ({ max_speed_kmh: number("max_speed_kmh"), area_width_cm: number("area_width_cm") });

// A camera takes seconds; what it refuses stands on the page until the next try.
function command(button, work) {
  return run(button, async () => {
    problem.hidden = true;
    try {
      await work();
    } catch (error) {
      problem.textContent = error.message;
      problem.hidden = false;
    }
  });
}

function showPlan({ changes, warnings, knobs, checklist }) {
  fillRows(plan.querySelector("#changes"), changes, ["part", "field", "current", "desired", "reason"]);
  fillRows(plan.querySelector("#knobs"), knobs, ["name", "now", "does", "costs"]);
  plan.querySelector("#changes").hidden = !changes.length;
  plan.querySelector("#nothing-to-change").hidden = changes.length > 0;
  plan.querySelector("#knobs").hidden = !knobs.length;
  listItems("warnings", warnings);
  listItems("checklist", checklist);
  plan.querySelector("#checklist-title").hidden = !checklist.length;
  plan.hidden = false;
  apply.hidden = !changes.length;
}

function showApplied(title, changes) {
  applied.querySelector("h2").textContent = title;
  fillRows(applied.querySelector("table"), changes, ["field", "asked", "got", "ok", "detail"]);
  applied.hidden = false;
  applied.focus();
}

// What was planned for other wishes must not be sent for these.
form.addEventListener("input", () => (plan.hidden = true));

form.addEventListener("submit", (event) => {
  event.preventDefault();
  applied.hidden = true;
  command(event.submitter ?? form.querySelector("button"), async () => {
    plan.hidden = true;
    showPlan(await call("POST", `${path}/tune`, wishes()));
    plan.focus();
  });
});

apply.addEventListener("click", () => {
  if (!confirm("Send these settings to the camera? What it has now is kept, and can be put back.")) return;
  command(apply, async () => {
    const report = await call("POST", `${path}/tune`, { ...wishes(), apply: true });
    plan.hidden = true;
    const refused = report.applied.filter((change) => !change.ok).length;
    showApplied(refused ? `Sent; ${refused} of ${report.applied.length} are not as asked` : "Sent, and read back as asked", report.applied);
    document.getElementById("rollback").hidden = false;
  });
});

document.getElementById("rollback").addEventListener("click", (event) => {
  if (!confirm("Put the camera back as it was before it was first tuned?")) return;
  command(event.target, async () => {
    const report = await call("POST", `${path}/tune/rollback`);
    plan.hidden = true;
    showApplied(report.complete ? "Back as it was" : "Back in part; try again", report.applied);
    say(report.complete ? "The camera is back as it was." : "The camera did not take all of it.", !report.complete);
  });
});
