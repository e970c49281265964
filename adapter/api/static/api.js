// Calls to the REST API with the session's CSRF token, and one place to say what went wrong.

const csrf = document.querySelector('meta[name="csrf"]')?.content ?? "";
const notice = document.getElementById("notice");

// A refusal is thrown with its sentence, and with `fields`: what is wrong by the name of each value.
export async function call(method, path, body, { type = "application/json", signal } = {}) {
  const headers = { "X-CSRF-Token": csrf };
  if (body !== undefined) headers["Content-Type"] = type;
  const content = body === undefined || type !== "application/json" ? body : JSON.stringify(body);
  const response = await fetch(`/api/v1${path}`, { method, headers, body: content, signal });
  if (response.status === 401) location.assign("/login");
  const answer = await response.json();
  if (!response.ok) throw Object.assign(new Error(answer.detail ?? response.statusText), { fields: answer.fields ?? {} });
  return answer;
}

export function say(text, problem = false) {
  notice.textContent = text;
  notice.className = problem ? "shown problem" : "shown";
  clearTimeout(say.timer);
  say.timer = setTimeout(() => (notice.className = ""), problem ? 10000 : 4000);
}

// Run a person's command: the button is locked meanwhile, a refusal is said in full.
export async function run(button, command) {
  button.disabled = true;
  try {
    return await command();
  } catch (error) {
    say(error.message, true);
  } finally {
    button.disabled = false;
  }
}

export function onSubmit(id, command) {
  const form = document.getElementById(id);
  form?.addEventListener("submit", (event) => {
    event.preventDefault();
    run(event.submitter ?? form.querySelector("button"), () => command(form, new FormData(form)));
  });
}

export function listItems(id, texts) {
  document.getElementById(id).replaceChildren(
    ...texts.map((text) => Object.assign(document.createElement("li"), { textContent: text })),
  );
}
