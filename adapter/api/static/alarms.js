// Acknowledge, hold, close; and a new alarm announces itself.

import { call, run, say } from "/static/api.js";

document.querySelectorAll("[data-alarm]").forEach((row) =>
  row.addEventListener("click", (event) => {
    const state = event.target.dataset?.state;
    if (!state) return;
    run(event.target, async () => {
      await call("PATCH", `/alarms/${encodeURIComponent(row.dataset.alarm)}`, { state });
      location.reload();
    });
  }),
);

// A reload would take the focus from somebody who is working on an alarm, so it is offered, not done.
new EventSource("/api/v1/live").addEventListener("AlarmRaised", (message) => {
  const alarm = JSON.parse(message.data);
  say(`New alarm: ${alarm.object}, ${alarm.name}. Reload to see it.`);
});
