// New reads appear at the top as they are stored; list matches colour the row they belong to.

const MOST_ROWS = 200;
const table = document.querySelector(".reads");
const rows = document.getElementById("reads");
const template = document.getElementById("read-row");
const pulse = document.getElementById("pulse");

if (table.dataset.live === "yes") listen();

function listen() {
  const source = new EventSource("/api/v1/live");
  source.onopen = () => show("live", "on");
  source.onerror = () => show("connection lost, trying again", "off");
  source.addEventListener("PlateRecognized", (message) => addRead(JSON.parse(message.data)));
  source.addEventListener("ListMatched", (message) => addMatch(JSON.parse(message.data)));
}

function show(text, state) {
  pulse.textContent = text;
  pulse.className = `pulse ${state}`;
}

function addRead(event) {
  // Only a final reading is stored and has pictures.
  if (event.state && event.state !== "final") return;
  const row = template.content.firstElementChild.cloneNode(true);
  row.id = `read-${event.event_id}`;
  row.classList.add("fresh");
  picture(row.querySelector(".frame"), event.frame_picture);
  picture(row.querySelector(".crop"), event.plate_picture);
  row.querySelector(".band").textContent = event.module_code ?? event.plate.country_code ?? "";
  row.querySelector(".plate .number").textContent = event.plate.plate_number;
  row.querySelector("meter").value = event.likelihood;
  row.querySelector(".percent").textContent = `${Math.round(event.likelihood * 100)} %`;
  row.querySelector(".camera").textContent = event.camera_name;
  const time = row.querySelector("time");
  time.dateTime = event.utc_time;
  time.textContent = event.utc_time.slice(0, 19).replace("T", " ");
  document.getElementById(row.id)?.remove();
  rows.prepend(row);
  while (rows.children.length > MOST_ROWS) rows.lastElementChild.remove();
  document.getElementById("nothing").hidden = true;
}

function picture(image, name) {
  if (!name) return image.remove();
  image.src = `/pictures/${encodeURIComponent(name)}`;
  const link = image.closest("a");
  if (link) link.href = image.src;
}

function addMatch(event) {
  const cell = document.querySelector(`#read-${CSS.escape(event.recognized_id)} .lists`);
  if (!cell) return;
  const chip = document.createElement("span");
  chip.className = `chip ${event.list_kind}`;
  chip.textContent = event.list_name;
  if (event.pattern) chip.title = `Entry ${event.pattern}`;
  cell.append(chip);
}
