// Text and table as one: selecting a statement in either marks it in both; filters hide it in both.
import { byId, whisper } from "./page.js";

export function startLook() {
  const reading = byId("reading");
  const items = reading ? [...reading.querySelectorAll(".item")] : [];
  const look = { items, selected: null, select, step, clear, flip, shown };
  if (!reading) return look;

  const marks = new Map(); // by statement id: everything that is drawn of it
  for (const mark of reading.querySelectorAll(".qw-text [data-statement]")) {
    const id = mark.dataset.statement;
    if (!marks.has(id)) marks.set(id, []);
    marks.get(id).push(mark);
  }
  const idsOf = (item) => item.dataset.ids.split(" ").filter(Boolean);
  const marksOf = (item) => idsOf(item).flatMap((id) => marks.get(id) ?? []);
  const labelsOf = (item) => marksOf(item).flatMap((m) => [...m.querySelectorAll(":scope > .qw-label")]);
  const itemOf = (id) => items.find((item) => idsOf(item).includes(id));

  /** Marks a statement in text and table.  `focus` is where the focus goes: text, table or none. */
  function select(item, { focus = "text", scroll = true } = {}) {
    clear();
    look.selected = item;
    item.classList.add("is-selected");
    item.setAttribute("aria-current", "true");
    for (const mark of marksOf(item)) mark.classList.add("is-selected");
    const label = labelsOf(item)[0];
    const number = item.querySelector(".qw-number");
    if (scroll) {
      if (focus !== "table") label?.scrollIntoView({ block: "center" });
      if (focus !== "text" || !narrow()) item.scrollIntoView({ block: "nearest" });
    }
    const target = focus === "text" ? label : focus === "table" ? number : null;
    target?.focus({ preventScroll: true });
  }

  function clear() {
    if (!look.selected) return;
    look.selected.classList.remove("is-selected");
    look.selected.removeAttribute("aria-current");
    for (const mark of marksOf(look.selected)) mark.classList.remove("is-selected");
    look.selected = null;
  }

  function shown() {
    return items.filter((item) => !item.hidden);
  }

  /** The next (1) or previous (-1) statement that is shown. */
  function step(by) {
    const all = shown();
    if (!all.length) return;
    const at = all.indexOf(look.selected);
    const next = at < 0 ? (by > 0 ? 0 : all.length - 1) : (at + by + all.length) % all.length;
    select(all[next], { focus: inTable() ? "table" : "text" });
  }

  /** From the text to the table and back. */
  function flip() {
    const item = look.selected ?? shown()[0];
    if (item) select(item, { focus: inTable() ? "text" : "table" });
  }

  const inTable = () => Boolean(document.activeElement?.closest(".item"));
  const narrow = () => matchMedia("(max-width: 64rem)").matches;

  // A press gives a label the focus, and so selects it, before it becomes a click.
  let before = null;
  reading.addEventListener("pointerdown", () => (before = look.selected));
  reading.addEventListener("click", (event) => {
    if (event.target.closest("button, select, input, summary, a:not(.qw-label, .qw-number)")) return;
    if (String(getSelection())) return; // somebody is copying words
    const item = event.target.closest(".item");
    if (item) {
      select(item, { focus: "text" });
      event.preventDefault();
      return;
    }
    const mark = event.target.closest(".qw-text [data-statement]:not(.qw-off)");
    const of = mark && itemOf(mark.dataset.statement);
    if (!of) return;
    event.preventDefault();
    // On a phone the second tap on a label leads to the statement's row.
    const was = event.detail ? before : look.selected; // a key presses nothing down
    const again = narrow() && was === of && event.target.closest(".qw-label");
    select(of, { focus: again ? "table" : "text", scroll: again || !narrow() });
  });
  reading.addEventListener("focusin", (event) => {
    const own = event.target.closest(".item, .qw-label");
    if (!own) return;
    const item = own.matches(".item") ? own : itemOf(own.parentElement.dataset.statement);
    if (item && item !== look.selected) select(item, { focus: "none", scroll: false });
  });
  // What lies under the pointer is marked on the other side, too.
  reading.addEventListener("pointerover", (event) => {
    const mark = event.target.closest(".qw-text [data-statement]:not(.qw-off)");
    const item = event.target.closest(".item") ?? (mark && itemOf(mark.dataset.statement));
    for (const other of reading.querySelectorAll(".is-near")) other.classList.remove("is-near");
    if (!item) return;
    item.classList.add("is-near");
    for (const one of marksOf(item)) one.classList.add("is-near");
  });

  startFilters(reading, items, { marks, idsOf, look });
  return look;
}

function startFilters(reading, items, { marks, idsOf, look }) {
  const form = byId("filters");
  const box = byId("filter-box");
  // On a phone they would hide the article; on anything wider their summary is not shown.
  const phone = matchMedia("(max-width: 40rem)");
  const fit = () => (box.open = !phone.matches || location.search !== "");
  phone.addEventListener("change", fit);
  fit();
  const field = (name) => form.elements[name];

  function passes(one) {
    const facts = one.dataset;
    return (
      Number(facts.confidence) >= Number(field("min").value) &&
      ["", facts.act].includes(field("act").value) &&
      ["", facts.kind].includes(field("kind").value) &&
      ["", facts.speaker].includes(field("speaker").value) &&
      (!field("via").checked || facts.via !== "")
    );
  }

  function apply() {
    byId("min-shown").textContent = Number(field("min").value).toFixed(2);
    const on = new Set();
    let count = 0;
    for (const item of items) {
      const versions = item.matches("[data-confidence]")
        ? [item]
        : [...item.querySelectorAll("[data-confidence]")];
      item.hidden = !versions.some(passes);
      if (item.hidden) continue;
      count += 1;
      for (const id of idsOf(item)) on.add(id);
    }
    for (const [id, parts] of marks) {
      for (const part of parts) part.classList.toggle("qw-off", !on.has(id));
    }
    if (look.selected?.hidden) look.clear();
    byId("shown").textContent = count === items.length ? "" : `${count} of ${items.length} shown`;
  }

  form.addEventListener("input", apply);
  form.addEventListener("submit", (event) => event.preventDefault());
  byId("clear").addEventListener("click", (event) => {
    // A page that came with filters holds only what they left: then it is loaded anew.
    if (location.search) return;
    event.preventDefault();
    field("min").value = 0;
    for (const name of ["act", "kind", "speaker"]) field(name).value = "";
    field("via").checked = false;
    apply();
    whisper("Filters cleared.");
  });
  apply();
}
