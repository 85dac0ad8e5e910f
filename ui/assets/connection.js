// Notices that the page was cut off, has it drawn again once the server answers, and says what happened meanwhile.
//
// Streamlit's own client opens a new connection by itself, but where the server was started anew nothing on the page
// asks for anything: what was drawn stays, and the first click is lost. See ui/connection.py.
const LOOK = 2000; // ms between two looks at a view that should have refreshed itself
const IDLE_LOOK = 15000; // ms between two looks where nothing is expected to change
const GAP = 8000; // ms without a refresh that call for a look
const RETRY = 3000; // ms between two requests to draw the page again
const QUICK_TRIES = 6; // requests after which the pauses are longer
const PATIENT_RETRY = 15000;
const SAID = 15000; // ms for which it is said what happened

const known = { pulse: null, at: 0, lost: false, lostAt: 0, hidden: false, tries: 0, asked: 0, looked: 0 };
let line = null;
let again = () => {};
let timer = null;
let silence = null;

const number = (value) => Math.round(value).toLocaleString("en-US");

/** What to say when the view is back. `before` and `now` are pulses. */
export function sentence(before, now, hidden) {
  const back = hidden ? "Welcome back" : "Reconnected";
  if (!before || before.step === null || before.step === undefined) return `${back}.`;
  if (!now.live) return `${back}; training has ended meanwhile. You last saw step ${number(before.step)}.`;
  if (now.step > before.step) return `${back}; training went on meanwhile: step ${number(before.step)} → ${number(now.step)}.`;
  return `${back}; nothing has changed meanwhile.`;
}

function say(text, lasting) {
  clearTimeout(silence);
  if (!line) return;
  line.textContent = text;
  line.hidden = !text;
  if (text && !lasting) silence = setTimeout(() => say("", true), SAID);
}

/** Whether a pulse was given before the loss: a server still holds what it could not send, and sends it first. */
function isOld(pulse) {
  if (!known.lost || !known.pulse) return false;
  const later = 1000 * (pulse.moment - known.pulse.moment);
  return later >= 0 && later < known.lostAt - known.at; // below 0 where the server's clock was set back
}

function pulsed({ detail }) {
  if (isOld(detail)) return;
  const gap = performance.now() - known.at;
  const missed = known.lost || (known.hidden && known.pulse?.pace && gap > GAP);
  if (missed) say(sentence(known.pulse?.live ? known.pulse : null, detail, !known.lost), false);
  Object.assign(known, { pulse: detail, at: performance.now(), lost: false, hidden: document.hidden, tries: 0 });
}

async function answers() {
  try {
    const path = new URL("_stcore/health", document.baseURI);
    const answer = await fetch(path, { cache: "no-store", signal: AbortSignal.timeout(LOOK) });
    return answer.ok;
  } catch {
    return false;
  }
}

async function look() {
  if (document.hidden) {
    known.hidden = true;
    return;
  }
  const now = performance.now();
  const expected = Boolean(known.pulse?.pace);
  const quiet = now - known.at;
  const due = known.lost || (expected ? quiet > Math.max(GAP, 5000 * known.pulse.pace) : now - known.looked > IDLE_LOOK);
  if (!due) return;
  known.looked = now;
  const answered = await answers();
  if (known.at > now) return; // the view came back while we looked
  if (!answered) {
    if (!known.lost) say(expected ? "Connection lost. Training goes on, and this page comes back by itself." : "Connection lost.", true);
    if (!known.lost) known.lostAt = now;
    Object.assign(known, { lost: true, tries: 0 });
    return;
  }
  const pause = known.tries < QUICK_TRIES ? RETRY : PATIENT_RETRY;
  if ((known.lost || expected) && now - known.asked > pause) {
    known.tries += 1;
    known.asked = now;
    again();
  }
}

export default function ({ data, parentElement, setTriggerValue }) {
  line = parentElement.querySelector(".connection");
  if (!line) {
    line = document.createElement("div");
    line.className = "connection";
    line.setAttribute("role", "status");
    line.hidden = true;
    parentElement.append(line);
  }
  again = () => setTriggerValue("again", Date.now());
  if (known.lost && known.drawn !== undefined && known.drawn !== data.drawn && !known.pulse?.pace) {
    // Drawn anew by a server that answers, on a page without a view that refreshes itself.
    known.lost = false;
    say("Reconnected.", false);
  }
  known.drawn = data.drawn;
  if (timer === null) {
    document.addEventListener("tl-pulse", pulsed);
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) known.hidden = true;
    });
    timer = setInterval(look, LOOK);
  }
}
