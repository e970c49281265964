// Keeps the alarm page fresh: the server renders every piece, this puts it in its place.

const ALARMS_SHOWN = 100;
const EVENTS_SHOWN = 30;

const alarms = document.getElementById("alarms");
const events = document.getElementById("events");
const link = document.getElementById("link");
const large = document.getElementById("large");

function piece(html) {
  const template = document.createElement("template");
  template.innerHTML = html.trim();
  return template.content.firstElementChild;
}

function put(list, { id, html }, limit) {
  const fresh = piece(html);
  const old = [...list.children].find((row) => row.dataset.id === id);
  if (old) {
    old.replaceWith(fresh);
    return;
  }
  fresh.classList.add("flash");
  list.prepend(fresh);
  while (list.children.length > limit) list.lastElementChild.remove();
}

function quiet() {
  document.getElementById("quiet").hidden = alarms.children.length > 0;
}

function replaceInside(id, html) {
  const box = document.getElementById(id);
  const open = [...box.querySelectorAll("details")].map((details) => details.open);
  const template = document.createElement("template");
  template.innerHTML = html;
  // Rows that only changed their class keep their element, so that a gate can be seen opening.
  const fresh = [...template.content.children];
  const old = [...box.children];
  const same = fresh.length === old.length && fresh.every((row, index) => row.dataset.id && row.dataset.id === old[index].dataset.id);
  if (same) {
    fresh.forEach((row, index) => {
      old[index].className = row.className;
      old[index].querySelector("div")?.replaceWith(row.querySelector("div") ?? "");
      old[index].querySelector("svg")?.setAttribute("aria-label", row.querySelector("svg")?.getAttribute("aria-label") ?? "");
    });
  } else {
    box.replaceChildren(...fresh);
  }
  [...box.querySelectorAll("details")].forEach((details, index) => { details.open = open[index] ?? false; });
}

function listen() {
  const source = new EventSource("/live");
  let wasLost = false;
  source.onopen = () => {
    if (wasLost) location.reload(); // what happened while the line was down is on the fresh page
    link.textContent = "live";
    link.className = "link live";
  };
  source.onerror = () => {
    wasLost = true;
    link.textContent = "connection lost, trying again…";
    link.className = "link lost";
  };
  const on = (topic, act) => source.addEventListener(topic, (message) => act(JSON.parse(message.data)));
  on("alarm", (message) => { put(alarms, message, ALARMS_SHOWN); quiet(); });
  on("event", (message) => put(events, message, EVENTS_SHOWN));
  on("withdrawn", ({ id }) => {
    [...alarms.children].find((row) => row.dataset.id === id)?.remove();
    quiet();
  });
  for (const id of ["counts", "devices", "outputs"]) on(id, ({ html }) => replaceInside(id, html));
  on("reload", () => { wasLost = true; });
}

alarms.addEventListener("click", async (click) => {
  const picture = click.target.closest("[data-enlarge]")?.querySelector("img");
  if (picture) {
    large.querySelector("img").src = picture.src;
    large.querySelector("img").alt = picture.alt;
    large.showModal();
    return;
  }
  const button = click.target.closest("[data-do]");
  if (!button) return;
  button.disabled = true;
  const id = encodeURIComponent(button.closest("tr").dataset.id);
  const answer = await fetch(`/api/alarms/${id}/${button.dataset.do}`, { method: "POST" });
  if (!answer.ok) {
    button.disabled = false;
    link.textContent = `not done: the server answers ${answer.status}`;
    link.className = "link lost";
  }
});
large.addEventListener("click", () => large.close());

listen();
