// What a camera is called, where it is and how one signs in: tried before it is saved.

import { call, run } from "/static/api.js";
import { showFacts } from "/static/facts.js";
import { openForm, removeAfter, valuesOf } from "/static/record_form.js";

const page = document.getElementById("camera");
const camera = page.dataset.camera;
const path = `/cameras/${encodeURIComponent(camera)}`;
const answer = document.getElementById("answer");

const form = openForm("info", {
  save({ password, forget, ...values }) {
    // Empty is the password that is stored; a browser shows no other.
    if (forget) values.password = null;
    else if (password) values.password = password;
    return call("PATCH", path, values);
  },
});

async function tried() {
  if (!form) return call("POST", `${path}/test`);
  const { address, user, password, forget, verify_tls } = valuesOf(form.form);
  const login = { user, password: forget ? "" : password || null };
  return call("POST", "/connection-test", { address, ...login, verify_tls, camera_id: camera });
}

document.querySelector("[data-do=test]")?.addEventListener("click", (event) => {
  if (form && !form.form.elements.address.reportValidity()) return;
  run(event.target, async () => {
    answer.textContent = "Connecting to the camera ...";
    answer.hidden = false;
    try {
      showFacts(answer, await tried());
    } catch (error) {
      answer.hidden = true;
      if (!form) throw error;
      setTimeout(() => form.refuse(error));
    }
  });
});

document.querySelector("[data-do=remove]")?.addEventListener("click", (event) =>
  run(event.target, async () => {
    const question = `Remove the camera ${page.dataset.name}? Its snapshots go with it, its events stay.`;
    await removeAfter(question, () => call("DELETE", path), { address: "/cameras", form });
  }),
);
