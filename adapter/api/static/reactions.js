// What follows from a match or an event: alarm definitions, and relays that are pulsed.

import { call, run, say } from "/static/api.js";
import { onRecords, openForm, removeAfter } from "/static/record_form.js";

const alarm = (one) => `/alarm-definitions/${encodeURIComponent(one.definition_id)}`;
const relay = (one) => `/relay-actions/${encodeURIComponent(one.action_id)}`;

// One choice names either a list or an event; the API has a field for each.
function fromTrigger({ trigger, ...values }) {
  const at = trigger.indexOf(":");
  return { ...values, list_id: "", event_kind: "", [trigger.slice(0, at)]: trigger.slice(at + 1) };
}

const alarms = openForm("alarm-definition", {
  shown: (one) => ({ ...one, trigger: one.list_id ? `list_id:${one.list_id}` : `event_kind:${one.event_kind}` }),
  save(values, record) {
    const body = fromTrigger(values);
    return record ? call("PUT", alarm(record), body) : call("POST", "/alarm-definitions", body);
  },
});

onRecords("alarm-definitions", {
  change: (one) => alarms.edit(one, one.name),
  remove: (one) =>
    removeAfter(`Remove the alarm definition ${one.name}? Alarms that were raised stay.`, () => call("DELETE", alarm(one))),
});

const relays = openForm("relay-action", {
  show: () => document.getElementById("relay-names").replaceChildren(),
  save: (values, record) =>
    record ? call("PUT", relay(record), values) : call("POST", "/relay-actions", values),
});

onRecords("relay-actions", {
  change: (one, row) => relays.edit(one, row.dataset.name),
  remove: (one, row) => removeAfter(`Remove ${row.dataset.name}? It is not pulsed any more.`, () => call("DELETE", relay(one))),
});

// A relay's name is the camera's own; the camera is asked rather than the person.
document.getElementById("ask-relays")?.addEventListener("click", (event) =>
  run(event.target, async () => {
    const cameras = relays.form.elements.camera_id;
    const wanted = cameras.value || [...cameras.options].map((one) => one.value).find(Boolean);
    if (!wanted) return say("Add a camera first.", true);
    const name = [...cameras.options].find((one) => one.value === wanted).textContent;
    const found = (await call("POST", `/cameras/${encodeURIComponent(wanted)}/test`)).relays ?? [];
    document.getElementById("relay-names").replaceChildren(
      ...found.map((token) => Object.assign(document.createElement("option"), { value: token })),
    );
    document.getElementById("relays-found").textContent = found.length ? `${name} has: ${found.join(", ")}.` : `${name} has no relay.`;
    const token = relays.form.elements.relay_token;
    if (found.length === 1 && !token.value) token.value = found[0];
    relays.showDirty();
    token.focus();
  }),
);
