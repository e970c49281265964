// What the snapshots would read with settings that are not saved, beside what they read with the saved ones.

import { call } from "/static/api.js";

const WAIT_MS = 350; // a person who is still dragging or typing

// `onResult(answer)` gets each trial with changes, `onSaved(answer)` those without, `onProblem(error)` what cannot be tried.
export function openTrials({ path, onResult, onSaved, onProblem }) {
  let timer;
  let running = null;
  let knowsSaved = false;

  const read = (recognition, signal) => call("POST", `${path}/recognition-settings/try`, { recognition }, { signal });

  // An answer that comes after a newer question is for nobody.
  function end() {
    clearTimeout(timer);
    running?.abort();
    running = null;
  }

  async function ask(changes) {
    end();
    const mine = (running = new AbortController());
    try {
      if (!knowsSaved) {
        const answer = await read({}, mine.signal);
        if (mine !== running) return;
        knowsSaved = true;
        onSaved(answer);
      }
      if (!Object.keys(changes).length) return;
      const answer = await read(changes, mine.signal);
      if (mine === running) onResult(answer);
    } catch (error) {
      if (mine === running) onProblem(error);
    }
  }

  return {
    later(changes) {
      end();
      timer = setTimeout(() => ask({ ...changes }), WAIT_MS);
    },
    // The saved settings or the snapshots are others now.
    anew(changes) {
      knowsSaved = false;
      return ask({ ...changes });
    },
  };
}

// One line per snapshot: what is read with the saved settings, and with the changes where they differ.
export function showReads(saved, tried, snapshots, onChoose) {
  const body = document.querySelector("#reads tbody");
  const place = Object.fromEntries(snapshots.map((one, at) => [one.name, at + 1]));
  const then = Object.fromEntries((saved?.results ?? []).map((one) => [one.name, one]));
  const now = tried ?? saved;
  body.replaceChildren(
    ...(now?.results ?? []).map((one) => {
      const row = document.createElement("tr");
      const name = Object.assign(document.createElement("button"), { className: "link", type: "button" });
      name.textContent = `${place[one.name] ?? "?"}: ${one.plates.join(", ") || "not approved"}`;
      name.addEventListener("click", () => onChoose(one.name));
      row.insertCell().append(name);
      row.insertCell().textContent = then[one.name] ? said(then[one.name]) : "";
      const changed = row.insertCell();
      changed.textContent = tried ? said(one) : "";
      row.classList.toggle("differs", Boolean(tried && then[one.name] && said(one) !== said(then[one.name])));
      return row;
    }),
  );
  document.getElementById("reads").hidden = !now?.results.length;
  document.getElementById("no-reads").hidden = Boolean(now?.results.length);
  document.getElementById("reads-summary").textContent = summary(saved, tried);
}

export function summary(saved, tried) {
  if (!saved?.results.length) return "";
  const figures = (one) => `${one.correct} of ${one.plates} approved plates read, ${median(one.results)} ms each`;
  const left = saved.left_out ? ` ${saved.left_out} more snapshots are not tried here; Validate reads all that are approved.` : "";
  return (tried ? `Saved: ${figures(saved)}. With the changes: ${figures(tried)}.` : `${figures(saved)}.`) + left;
}

// A plate that is read and not believed is another matter than one that is not seen.
function whyMissed(one, plate) {
  const unsure = one.candidates.find((text) => text.text === plate);
  if (unsure) return `below threshold (${Math.round(unsure.likelihood * 100)} %)`;
  return (one.reason || "no plate").replaceAll("_", " ");
}

// The first look at a new area prepares the model for its size; that one look must not count.
function median(results) {
  const times = results.map((one) => one.elapsed_ms).sort((a, b) => a - b);
  return Math.round(times[Math.floor((times.length - 1) / 2)]);
}

function said(one) {
  const read = one.candidates.filter((text) => text.accepted).map((text) => text.text);
  if (!one.plates.length) return read.join(", ") || "nothing";
  const parts = [
    ...one.correct.map((plate) => `✓ ${plate}`),
    ...one.wrong.map(([, text]) => `✗ ${text}`),
    ...one.missed.map((plate) => `✗ not read: ${whyMissed(one, plate)}`),
    ...one.extra.map((text) => `+ ${text}`),
  ];
  return parts.join(", ");
}
