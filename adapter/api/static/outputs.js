// Where events are sent: add, change, test, remove, and send again what was given up.

import { call, say } from "/static/api.js";
import { onRecords, openForm, removeAfter } from "/static/record_form.js";
import { showOnce } from "/static/shown_once.js";

const PERIOD_MS = 5000;
const one = (output) => `/outputs/${encodeURIComponent(output.output_id)}`;
const table = document.getElementById("outputs");
const letters = document.getElementById("dead-letters");
let shown = null; // the output whose dead letters are shown

const form = openForm("output", {
  save: (values, output) => (output ? call("PUT", one(output), values) : call("POST", "/outputs", values)),
  done: (answer) => (answer.secret ? showOnce(answer.secret) : location.reload()),
});

onRecords("outputs", {
  change: (output) => form.edit(output, output.name),
  async test(output, row) {
    const place = row.querySelector(".answer");
    place.textContent = "Sending ...";
    try {
      const answer = await call("POST", `${one(output)}/test`);
      place.textContent = answer.detail;
      place.classList.toggle("wrong", !answer.ok);
    } catch (error) {
      place.textContent = "";
      throw error;
    }
  },
  letters: (output) => showLetters(output),
  remove: (output) =>
    removeAfter(`Remove the output ${output.name}, and what it is still owed?`, () => call("DELETE", one(output))),
});

async function showLetters(output) {
  shown = output;
  const found = await call("GET", `${one(output)}/dead-letters`);
  letters.querySelector("h2").textContent = `Given up: ${output.name}`;
  letters.querySelector("tbody").replaceChildren(
    ...found.map((letter) => {
      const row = document.createElement("tr");
      row.dataset.record = JSON.stringify(letter);
      for (const text of [letter.delivery_id, letter.kind, letter.attempts, letter.error]) row.insertCell().textContent = text;
      const again = Object.assign(document.createElement("button"), { className: "quiet", textContent: "Send again" });
      again.dataset.do = "replay";
      again.setAttribute("aria-label", `Send delivery ${letter.delivery_id} again`);
      row.insertCell().append(again);
      return row;
    }),
  );
  letters.querySelector(".empty").hidden = found.length > 0;
  letters.querySelector(".scroll").hidden = letters.querySelector("[data-do=replay-all]").hidden = !found.length;
  letters.hidden = false;
  letters.focus();
}

async function replay(body) {
  const { replayed } = await call("POST", `${one(shown)}/replay`, body);
  say(`${replayed} deliveries are sent again.`);
  await showLetters(shown);
  await renew();
}

onRecords("dead-letters", {
  replay: (letter) => replay({ delivery_id: letter.delivery_id }),
  "replay-all": () => replay({}),
});

// The queues move while one looks at them.
async function renew() {
  for (const output of await call("GET", "/outputs")) {
    const row = table.querySelector(`[data-output="${CSS.escape(output.output_id)}"]`);
    for (const name of ["pending", "parked", "delivered"]) {
      const place = row?.querySelector(`.${name}`);
      if (place) place.textContent = output[name];
    }
    const trouble = row?.querySelector(".trouble");
    if (trouble) trouble.textContent = output.error;
  }
}

setInterval(() => !document.hidden && table && renew().catch(() => {}), PERIOD_MS);
