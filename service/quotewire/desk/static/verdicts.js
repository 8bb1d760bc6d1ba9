// Accept, correct, reject: recorded in the background, shown on the statement's row.
import { byId, memory, send, tell, whisper } from "./page.js";

const NAME = "editor";

export function startVerdicts(look) {
  const form = byId("verdicts");
  if (!form) return () => {};
  const dialog = byId("correct");
  const correction = dialog.querySelector("form");
  const names = [byId("editor"), byId("c-editor")];
  for (const name of names) {
    name.value ||= memory.get(NAME) ?? "";
    name.addEventListener("input", () => {
      for (const other of names) other.value = name.value;
      memory.set(NAME, name.value || null);
    });
  }

  function show(id, verdict) {
    for (const place of document.querySelectorAll(".judge")) {
      if (place.querySelector("[data-correct]").dataset.correct !== id) continue;
      place.dataset.verdict = verdict;
      place.querySelector(".given").textContent = verdict;
      for (const button of place.querySelectorAll("button")) {
        button.setAttribute("aria-pressed", String(button.name === verdict));
      }
    }
    whisper(`Recorded: ${verdict}.`);
  }

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = event.submitter;
    if (!button?.value) return; // Enter in the name's field
    tell("");
    try {
      const answer = await send(form, { submitter: button });
      show(button.value, answer.verdict);
    } catch (error) {
      tell(error.message);
    }
  });

  function open(link) {
    const item = link.closest("[data-statement]");
    correction.elements.corrected.value = link.dataset.correct;
    correction.elements.speaker_name.value = link.dataset.name;
    correction.elements.speaker_type.value = link.dataset.type;
    correction.elements.kind.value = item.dataset.kind;
    correction.elements.act.value = item.dataset.act;
    byId("correct-quote").textContent = item.querySelector(".said").textContent;
    dialog.showModal();
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-correct]");
    if (!link || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    open(link);
  });
  byId("correct-close").addEventListener("click", () => dialog.close());
  correction.addEventListener("submit", async (event) => {
    event.preventDefault();
    const id = correction.elements.corrected.value;
    tell("");
    try {
      const answer = await send(correction);
      dialog.close();
      show(id, answer.verdict);
    } catch (error) {
      dialog.close();
      tell(error.message);
    }
  });

  /** What the keys do: accepted, rejected or corrected, for the selected statement. */
  return (verdict) => {
    const place = look.selected?.querySelector(".judge");
    if (!place) return;
    if (verdict === "corrected") open(place.querySelector("[data-correct]"));
    else if (byId("editor").reportValidity()) {
      form.requestSubmit(place.querySelector(`button[name=${verdict}]`));
    }
  };
}
