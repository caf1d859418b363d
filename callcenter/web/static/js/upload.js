// A file on its way: how far it is, and the page of the import when it has arrived. Without scripts the form works as it is.
import { headers } from "./sending.js";
import { say, warn } from "./words.js";

function send(form) {
  const box = form.querySelector("[data-upload-progress]");
  const bar = box.querySelector("progress");
  const text = box.querySelector("[data-upload-text]");
  const button = form.querySelector("button[type=submit]");
  const fail = () => { box.hidden = true; button.disabled = false; say(""); warn(form.dataset.failed); };
  const request = new XMLHttpRequest();
  form.dataset.key ??= crypto.randomUUID?.() ?? String(Math.random());
  request.open("POST", form.action);
  for (const [name, value] of Object.entries(headers(form.dataset.key))) request.setRequestHeader(name, value);
  request.upload.onprogress = (event) => {
    if (!event.lengthComputable) return;
    bar.value = Math.round((event.loaded / event.total) * 100);
    text.textContent = `${form.dataset.said} ${bar.value}%`;
  };
  request.onerror = request.ontimeout = fail;
  request.onload = () => {
    if (request.status === 422 || request.status === 409) {
      delete form.dataset.key;
      document.getElementById("upload-errors").innerHTML = request.responseText; // our own server's escaped HTML; scripts in it never run
      box.hidden = true;
      button.disabled = false;
      say("");
    } else if (request.status < 300) location.assign(request.getResponseHeader("HX-Redirect") ?? location.href);
    else fail();
  };
  button.disabled = true;
  box.hidden = false;
  say(form.dataset.said);
  request.send(new FormData(form));
}

document.addEventListener("submit", (event) => {
  if (!event.target.matches("form[data-upload]")) return;
  event.preventDefault();
  send(event.target);
});
document.addEventListener("change", (event) => { delete event.target.closest("form[data-upload]")?.dataset.key; });

// a file dropped anywhere on the form is as good as a chosen one
for (const name of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(name, (event) => {
    const form = event.target.closest?.("form[data-upload]");
    if (!form) return;
    event.preventDefault();
    form.classList.toggle("dropping", name === "dragover");
    if (name !== "drop" || !event.dataTransfer.files.length) return;
    const input = form.querySelector("input[type=file]");
    input.files = event.dataTransfer.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  });
}
