// A camera's snapshots: take, import, approve with the true plate, reject.

import { call, run, say } from "/static/api.js";

const STATES = { new: "watch", approved: "allow", rejected: "deny" };

export function showSnapshots(path) {
  const place = document.getElementById("pictures");
  const every = `${path}/snapshots`;
  const may = place.dataset.may === "yes";

  function picture(one) {
    const card = document.getElementById("picture").content.cloneNode(true).firstElementChild;
    const image = card.querySelector("img");
    image.src = `/api/v1${every}/${one.name}`;
    image.alt = `Snapshot with ${one.plates.join(", ") || "no plate named yet"}`;
    card.querySelector(".chip").textContent = one.approval;
    card.querySelector(".chip").classList.add(STATES[one.approval]);
    const plates = card.querySelector("[name=plates]");
    plates.value = one.plates.join(", ");
    plates.disabled = !may;
    if (!may) card.querySelector(".actions").remove();
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
    document.getElementById("coverage").replaceChildren(
      ...answer.coverage.hints.map((text) => Object.assign(document.createElement("li"), { textContent: text })),
    );
  }

  document.querySelector("[data-do=take]")?.addEventListener("click", (event) =>
    run(event.target, async () => {
      await call("POST", `${every}/take`);
      await refresh();
    }),
  );
  document.getElementById("import")?.addEventListener("change", (event) =>
    run(event.target, async () => {
      for (const file of event.target.files) await call("POST", every, file, file.type);
      event.target.value = "";
      await refresh();
    }),
  );
  refresh().catch((error) => say(error.message, true));
}
