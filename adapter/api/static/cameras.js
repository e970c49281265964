// Commands to cameras; what a camera answers is shown below it.

import { call, onSubmit, run, say } from "/static/api.js";

const commands = {
  test: (path) => call("POST", `${path}/test`),
  tune: (path) => {
    const speed = Number(prompt("Highest vehicle speed in km/h?", "50"));
    return speed > 0 ? call("POST", `${path}/tune`, { max_speed_kmh: speed }) : undefined;
  },
  rollback: (path, name) =>
    confirm(`Put ${name} back as it was before it was first tuned?`) ? call("POST", `${path}/tune/rollback`) : undefined,
  enable: (path) => reloadAfter(call("PATCH", path, { enabled: true })),
  disable: (path) => reloadAfter(call("PATCH", path, { enabled: false })),
  remove: (path, name) =>
    confirm(`Remove the camera ${name}? Its events stay.`) ? reloadAfter(call("DELETE", path)) : undefined,
};

document.querySelectorAll("[data-camera]").forEach((card) => {
  const path = `/cameras/${encodeURIComponent(card.dataset.camera)}`;
  card.addEventListener("click", (event) => {
    const command = commands[event.target.dataset?.do];
    if (!command) return;
    run(event.target, async () => {
      const answer = await command(path, card.querySelector("h2").textContent);
      if (!answer) return;
      const place = card.querySelector(".answer");
      place.textContent = JSON.stringify(answer, null, 1);
      place.hidden = false;
    });
  });
  const snapshot = card.querySelector(".snapshot");
  const hide = () => snapshot.classList.add("missing");
  snapshot.addEventListener("error", hide);
  if (snapshot.complete && !snapshot.naturalWidth) hide(); // it failed before this script ran
});

onSubmit("add-camera", async (_form, data) => {
  say("Connecting to the camera ...");
  const modules = data.get("modules").split(/[\s,]+/).filter(Boolean);
  const camera = { name: data.get("name"), address: data.get("address"), user: data.get("user"), modules };
  if (data.get("password")) camera.password = data.get("password");
  await call("POST", "/cameras", camera);
  location.reload();
});

async function reloadAfter(promise) {
  await promise;
  location.reload();
}
