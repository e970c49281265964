// Figures of the server, renewed every few seconds while the page is looked at.

import { call, onSubmit } from "/static/api.js";

const PERIOD_MS = 5000;
const put = (id, text) => (document.getElementById(id).textContent = text);

onSubmit("rename", async (_form, data) => {
  await call("PATCH", "/status", { name: data.get("name") });
  location.reload();
});

async function renew() {
  if (!document.hidden) {
    try {
      const server = await call("GET", "/status");
      put("status", server.status);
      put("cpu", `${Math.round(server.cpu_percent)} %`);
      put("memory", `${Math.round(server.memory_available_mb)} MB`);
      put("recognized", server.recognized);
      put("uptime", span(server.uptime_s));
    } catch {
      put("status", "Service not responding");
    }
  }
  setTimeout(renew, PERIOD_MS);
}

function span(seconds) {
  const days = Math.floor(seconds / 86400);
  const hours = Math.floor((seconds % 86400) / 3600);
  const minutes = Math.floor((seconds % 3600) / 60);
  return days ? `${days} d ${hours} h ${minutes} min` : `${hours} h ${minutes} min ${Math.floor(seconds % 60)} s`;
}

setTimeout(renew, PERIOD_MS);
