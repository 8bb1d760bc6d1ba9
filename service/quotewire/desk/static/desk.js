// The desk's scripts.  The page works without them; they keep what was typed when something goes
// wrong, join text and table, and listen to keys.  Nothing here makes markup of a string.
import { startForm } from "./form.js";
import { startLook } from "./look.js";
import { startVerdicts } from "./verdicts.js";
import { startKeys } from "./keys.js";

document.documentElement.classList.add("has-scripts");
startForm();
const look = startLook();
const judge = startVerdicts(look);
startKeys(look, judge);
