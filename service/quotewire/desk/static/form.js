// The article's form: loads files, shows progress, keeps the text through every error.
import { byId, memory, send, tell, whisper } from "./page.js";

const DRAFT = "draft";

export function startForm() {
  const form = byId("article-form");
  if (!form) return;
  const text = byId("text");
  const file = byId("file");
  const maxBytes = Number(form.dataset.maxBytes);
  let running = null;

  // Another page (a sign-in) may come between.
  if (!text.value && !byId("reading")) text.value = memory.get(DRAFT, sessionStorage) ?? "";

  async function load(chosen) {
    if (!chosen) return;
    file.value = "";
    if (chosen.size > maxBytes) {
      tell(tooLong(chosen.size));
      return;
    }
    try {
      text.value = new TextDecoder("utf-8", { fatal: true }).decode(await chosen.arrayBuffer());
    } catch {
      tell(`The file ${chosen.name} cannot be used: it is no plain text in UTF-8.`);
      return;
    }
    tell("");
    whisper(`Loaded ${chosen.name}.`);
    text.focus();
  }

  function tooLong(bytes) {
    return (
      `The article’s text cannot be used: it is ${bytes.toLocaleString("en")} bytes long; allowed: ` +
      `at most ${maxBytes.toLocaleString("en")} bytes on this page.`
    );
  }

  file.addEventListener("change", () => load(file.files[0]));
  form.addEventListener("dragover", (event) => {
    if ([...event.dataTransfer.types].includes("Files")) event.preventDefault();
  });
  form.addEventListener("drop", (event) => {
    if (!event.dataTransfer.files.length) return;
    event.preventDefault();
    load(event.dataTransfer.files[0]);
  });

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (running) return;
    tell("");
    const bytes = new TextEncoder().encode(text.value).length;
    if (bytes > maxBytes) {
      tell(tooLong(bytes));
      return;
    }
    memory.set(DRAFT, text.value, sessionStorage);
    running = new AbortController();
    const progress = showProgress(form, [...text.value].length);
    try {
      const answer = await send(form, { signal: running.signal });
      memory.set(DRAFT, null, sessionStorage);
      location.assign(answer.location);
    } catch (error) {
      if (error.name === "AbortError") {
        whisper("Stopped.");
      } else {
        tell(error.message);
        if (error.wantsToken) byId("token-field").hidden = false;
      }
    } finally {
      running = null;
      progress.end();
    }
  });

  byId("stop").addEventListener("click", () => running?.abort());
}

/** The seconds so far, and a bar where the desk knows from earlier answers how fast they come. */
function showProgress(form, length) {
  const panel = byId("progress");
  const bar = byId("bar");
  const words = byId("progress-words");
  const models = byId("second").value === "none" ? 1 : 2;
  const pace = Number(form.dataset.pace || 0);
  const expected = pace ? Math.max((models * length) / pace, 1) : null;
  const started = performance.now();

  function draw() {
    const seconds = (performance.now() - started) / 1000;
    const about = expected ? ` of about ${Math.ceil(expected)}` : "";
    words.textContent =
      `Reading ${length.toLocaleString("en")} characters` +
      `${models > 1 ? " with two models" : ""}: ${Math.floor(seconds)}${about} s`;
    // An estimate never says that it is done.
    if (expected) bar.value = Math.min(seconds / expected, 0.97);
    else bar.removeAttribute("value");
  }

  panel.hidden = false;
  form.setAttribute("aria-busy", "true");
  byId("read").disabled = true;
  draw();
  const timer = setInterval(draw, 250);
  return {
    end() {
      clearInterval(timer);
      panel.hidden = true;
      form.removeAttribute("aria-busy");
      byId("read").disabled = false;
    },
  };
}
