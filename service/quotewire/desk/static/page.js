// What the modules share: the line that tells of trouble, the line that is read aloud, and what
// this browser remembers.

export const byId = (id) => document.getElementById(id);

/** Shows what went wrong, where everybody sees and hears it. */
export function tell(sentence) {
  const told = byId("told");
  told.textContent = sentence;
  told.hidden = !sentence;
  if (sentence) told.focus();
}

/** Says something that needs no attention, to those who listen to the page. */
export function whisper(words) {
  byId("status").textContent = words;
}

/** This browser's memory; a browser may forbid it, and then nothing is remembered. */
export const memory = {
  get(key, kind = localStorage) {
    try {
      return kind.getItem(`quotewire.${key}`);
    } catch {
      return null;
    }
  },
  set(key, value, kind = localStorage) {
    try {
      if (value === null) kind.removeItem(`quotewire.${key}`);
      else kind.setItem(`quotewire.${key}`, value);
    } catch {
      // Full or forbidden: so be it.
    }
  },
};

/**
 * Sends a form in the background.  Resolves to what the desk answered; rejects with an Error whose
 * message is a sentence for the page (and `wantsToken`), or with an AbortError.
 */
export async function send(form, { submitter = null, signal = undefined } = {}) {
  let response, body;
  try {
    response = await fetch(form.action, {
      method: "POST",
      body: new FormData(form, submitter),
      headers: { accept: "application/json" },
      signal,
    });
    body = await response.json();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("The desk does not answer. What you entered is still here; try again in a moment.");
  }
  if (!response.ok) {
    const error = new Error(body.error);
    error.wantsToken = body.wants_token;
    throw error;
  }
  return body;
}
