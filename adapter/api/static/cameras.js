// All cameras: find, test and add one; test, enable, disable and remove those that are there.

import { call, run } from "/static/api.js";
import { showFacts } from "/static/facts.js";
import { openForm, valuesOf } from "/static/record_form.js";

const reload = () => location.reload();
const commands = {
  test: async (path, card) => showFacts(card.querySelector(".answer"), await call("POST", `${path}/test`)),
  enable: (path) => call("PATCH", path, { enabled: true }).then(reload),
  disable: (path) => call("PATCH", path, { enabled: false }).then(reload),
};

document.querySelectorAll("[data-camera]").forEach((card) => {
  const path = `/cameras/${encodeURIComponent(card.dataset.camera)}`;
  card.addEventListener("click", (event) => {
    const command = commands[event.target.dataset?.do];
    if (command) run(event.target, () => command(path, card));
  });
  const snapshot = card.querySelector(".snapshot");
  const hide = () => snapshot.classList.add("missing");
  snapshot.addEventListener("error", hide);
  if (snapshot.complete && !snapshot.naturalWidth) hide(); // it failed before this script ran
});

// -- a new camera ------------------------------------------------------------------------------------------------

const answer = document.getElementById("new-answer");

const adding = openForm("add-camera", {
  save({ modules, password, ...values }) {
    const camera = { ...values, modules: modules.split(/[\s,]+/).filter(Boolean) };
    if (password) camera.password = password;
    return call("POST", "/cameras", camera);
  },
  done: (camera) => location.assign(`/cameras/${encodeURIComponent(camera.camera_id)}/info`),
});

document.querySelector("#add-camera [data-do=try]")?.addEventListener("click", (event) => {
  if (!adding.form.elements.address.reportValidity()) return;
  run(event.target, async () => {
    const { address, user, password, verify_tls } = valuesOf(adding.form);
    answer.textContent = "Connecting to the camera ...";
    answer.hidden = false;
    try {
      const tried = { address, user, password: password || null, verify_tls };
      showFacts(answer, await call("POST", "/connection-test", tried));
    } catch (error) {
      answer.hidden = true;
      setTimeout(() => adding.refuse(error));
    }
  });
});

document.getElementById("discover")?.addEventListener("click", (event) =>
  run(event.target, async () => {
    const place = document.getElementById("found");
    place.textContent = "Asking the network ...";
    try {
      show(place, await call("GET", "/discovery"));
    } catch (error) {
      place.textContent = "";
      throw error;
    }
  }),
);

function show(place, cameras) {
  if (!cameras.length) {
    place.textContent = "No camera answered. Cameras in other networks do not hear the question: add them by address.";
    return;
  }
  const known = new Set([...document.querySelectorAll("[data-address]")].map((one) => one.dataset.address));
  place.replaceChildren(
    ...cameras.map((camera) => {
      const item = document.createElement("li");
      item.append(`${camera.name || "A camera"} ${camera.hardware} at ${camera.address} `);
      if (known.has(camera.address)) item.append("(added already)");
      else if (adding) item.append(chooser(camera));
      return item;
    }),
  );
}

function chooser(camera) {
  const choose = Object.assign(document.createElement("button"), { type: "button", className: "quiet", textContent: "Use this one" });
  choose.setAttribute("aria-label", `Add the camera at ${camera.address}`);
  choose.addEventListener("click", () => {
    const { name, address, user } = adding.form.elements;
    address.value = camera.address;
    name.value ||= camera.name;
    adding.showDirty();
    adding.form.scrollIntoView({ block: "nearest" });
    user.focus();
  });
  return choose;
}
