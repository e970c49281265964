// Who may come in: users of the console, tokens for programs, and users for VMSs.

import { call } from "/static/api.js";
import { onRecords, openForm, removeAfter } from "/static/record_form.js";
import { showOnce } from "/static/shown_once.js";

const user = (name) => `/users/${encodeURIComponent(name)}`;
const vms = (name) => `/onvif-users/${encodeURIComponent(name)}`;
const me = document.getElementById("users").dataset.me;

const users = openForm("user", {
  // A name stays what it is, and one's own password is changed where the old one is asked for.
  show(record) {
    const { name, password } = document.getElementById("user").elements;
    name.readOnly = Boolean(record);
    password.required = !record;
    password.disabled = document.getElementById("user-password").hidden = record?.name === me;
    document.getElementById("one-time").textContent = record ? "New one-time password, empty to keep the one there is" : "One-time password, at least 10 characters";
    document.getElementById("own-password").hidden = record?.name !== me;
    document.getElementById("user-enabled").hidden = !record;
  },
  async save({ name, password, role, enabled }, record) {
    if (!record) return call("POST", "/users", { name, password, role });
    if (name === me && (role !== record.role || !enabled) && !confirm("This changes your own account, and signs you out. Go on?")) return undefined;
    // The password first: either signs the person out, and it is the one that may be refused for itself.
    if (password) await call("POST", `${user(name)}/password`, { password });
    if (role === record.role && enabled === record.enabled) return record;
    return call("PATCH", user(name), { role, enabled });
  },
});

onRecords("users", {
  change: (one) => users.edit(one, one.name),
  remove: (one) => removeAfter(`Remove the user ${one.name}? It is signed out at once.`, () => call("DELETE", user(one.name))),
});

openForm("token", {
  save: (values) => call("POST", "/tokens", values),
  done: (answer) => showOnce(answer.token),
});

onRecords("tokens", {
  remove: (one) =>
    removeAfter(`Revoke the token ${one.name}? Programs that use it are refused at once.`, () =>
      call("DELETE", `/tokens/${encodeURIComponent(one.token_id)}`),
    ),
});

const taken = () => [...document.querySelectorAll("#onvif-users [data-record]")].map((row) => JSON.parse(row.dataset.record).name);
const vmsUsers = openForm("onvif-user", {
  show: (record) => (document.getElementById("onvif-user").elements.name.readOnly = Boolean(record)),
  async save({ name, ...values }, record) {
    // The API adds or changes; nobody who adds means to change.
    if (!record && taken().includes(name.trim())) {
      throw Object.assign(new Error(), { fields: { name: "There is a VMS user of this name already; choose Change in its row." } });
    }
    return call("PUT", vms(name.trim()), values);
  },
});

onRecords("onvif-users", {
  change: (one) => vmsUsers.edit(one, one.name),
  remove: (one) =>
    removeAfter(`Remove the VMS user ${one.name}? VMSs that use it are refused at once.`, () => call("DELETE", vms(one.name))),
});
