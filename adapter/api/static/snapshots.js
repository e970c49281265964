// A camera's snapshots: take, capture, import, approve with the true plate, reject.

import { call, listItems, run, say } from "/static/api.js";

const STATES = { new: "watch", approved: "allow", rejected: "deny" };
const ORIGINS = { auto: "auto-captured", live: "taken live", import: "imported" };
const LOOK_MS = 3000;

// `onChange(snapshots)` is told whenever there are others, or others are approved.
export async function showSnapshots(path, onChange) {
  const place = document.getElementById("pictures");
  const every = `${path}/snapshots`;
  const may = place.dataset.may === "yes";

  function picture(one, at) {
    const card = document.getElementById("picture").content.cloneNode(true).firstElementChild;
    const image = card.querySelector("img");
    image.src = `/api/v1${every}/${one.name}`;
    image.alt = `Snapshot with ${one.plates.join(", ") || "no plate named yet"}`;
    card.querySelector(".which").textContent = `Snapshot ${at + 1}`;
    card.querySelector(".chip").textContent = one.approval;
    card.querySelector(".chip").classList.add(STATES[one.approval]);
    card.querySelector(".origin").textContent = ORIGINS[one.origin] ?? one.origin;
    const plates = card.querySelector("[name=plates]");
    plates.value = one.plates.join(", ");
    plates.disabled = !may;
    if (!may) card.querySelector(".actions").remove();
    card.querySelectorAll(".tags select").forEach((tag) => {
      tag.value = one[tag.name] ?? "";
      tag.disabled = !may;
      tag.addEventListener("change", () =>
        run(tag, async () => {
          await call("PATCH", `${every}/${one.name}`, { [tag.name]: tag.value || null });
          await refresh();
        }),
      );
    });
    card.addEventListener("click", (event) => {
      const what = event.target.dataset?.do;
      if (!what) return;
      run(event.target, async () => {
        const named = plates.value.split(",").map((text) => text.trim()).filter(Boolean);
        if (what === "remove") await call("DELETE", `${every}/${one.name}`);
        else if (what === "reject") await call("PATCH", `${every}/${one.name}`, { approval: "rejected" });
        // Without a plate it is approved as it is read.
        else await call("PATCH", `${every}/${one.name}`, { approval: "approved", ...(named.length ? { plates: named } : {}) });
        await refresh();
      });
    });
    return card;
  }

  async function refresh() {
    const answer = await call("GET", every);
    place.replaceChildren(...answer.snapshots.map(picture));
    listItems("coverage", answer.coverage.hints);
    onChange(answer.snapshots);
  }

  document.querySelector("[data-do=take]")?.addEventListener("click", (event) =>
    run(event.target, async () => {
      await call("POST", `${every}/take`);
      await refresh();
    }),
  );
  document.getElementById("import")?.addEventListener("change", (event) =>
    run(event.target, async () => {
      for (const file of event.target.files) await call("POST", every, file, { type: file.type });
      event.target.value = "";
      await refresh();
    }),
  );
  await refresh();
  if (may) await watchCapture(path, refresh);
}

// The capture of passing vehicles: started and ended here, and looked at while it goes on.
async function watchCapture(path, refresh) {
  const capture = `${path}/auto-capture`;
  const start = document.querySelector("[data-do=capture]");
  const stop = document.querySelector("[data-do=stop-capture]");
  const vehicles = document.getElementById("vehicles");
  const said = document.getElementById("capture");
  let taken = 0;
  let timer;

  async function look() {
    clearTimeout(timer);
    const state = await call("GET", capture);
    const going = Boolean(state) && !state.ended;
    start.hidden = vehicles.parentElement.hidden = going;
    stop.hidden = !going;
    said.textContent = going
      ? `Auto-capture: ${state.taken} of ${state.wanted} vehicles, until ${new Date(state.until).toLocaleString()} at the latest.`
      : (state?.ended ?? "");
    if (state && state.taken !== taken) await refresh();
    taken = state?.taken ?? 0;
    if (going) timer = setTimeout(() => look().catch((error) => say(error.message, true)), LOOK_MS);
  }

  start.addEventListener("click", () =>
    run(start, async () => {
      await call("PUT", capture, { vehicles: Number(vehicles.value) });
      taken = 0;
      await look();
    }),
  );
  stop.addEventListener("click", () =>
    run(stop, async () => {
      await call("DELETE", capture);
      await look();
    }),
  );
  const state = await call("GET", capture);
  taken = state?.taken ?? 0;
  await look();
}
