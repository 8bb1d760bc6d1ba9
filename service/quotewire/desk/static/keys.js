// Single keys, as docs/desk.md lists them.  They can be turned off, are never taken from a field
// that somebody writes in, and leave the browser's own combinations alone.
import { byId, memory } from "./page.js";

const OFF = "keys-off";

export function startKeys(look, judge) {
  const dialog = byId("keys");
  const on = byId("keys-on");
  on.checked = memory.get(OFF) === null;
  on.addEventListener("change", () => memory.set(OFF, on.checked ? null : "1"));
  byId("show-keys").addEventListener("click", () => dialog.showModal());

  const actions = {
    j: () => look.step(1),
    k: () => look.step(-1),
    t: () => look.flip(),
    a: () => judge("accepted"),
    c: () => judge("corrected"),
    x: () => judge("rejected"),
    n: () => byId("new")?.click(),
    "/": () => {
      if (!byId("filter-box")) return;
      byId("filter-box").open = true;
      byId("min").focus();
    },
    "?": () => dialog.showModal(),
    Escape: () => {
      look.clear();
      if (document.activeElement?.closest(".reading")) document.activeElement.blur();
    },
  };
  document.addEventListener("keydown", (event) => {
    if (!on.checked || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (document.querySelector("dialog[open]")) return;
    const field = event.target.closest?.("textarea, select, input:not([type=range], [type=checkbox])");
    if (field || !Object.hasOwn(actions, event.key)) return;
    event.preventDefault();
    actions[event.key]();
  });
}
