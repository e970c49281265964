// A secret that the API tells once: shown until somebody has noted it.

const place = document.getElementById("shown-once");
const secret = document.getElementById("secret");

export function showOnce(text) {
  secret.value = text;
  place.hidden = false;
  place.scrollIntoView({ block: "center" });
  secret.focus();
  secret.select();
}

document.getElementById("noted")?.addEventListener("click", () => {
  secret.value = "";
  place.hidden = true;
  location.reload();
});
window.addEventListener("beforeunload", (event) => secret?.value && event.preventDefault());
