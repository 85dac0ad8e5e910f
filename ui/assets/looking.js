// When a part of the page that changes by itself asks for its next state: some time after it got the last one, never
// before. So a busy server is asked less often of itself, and a tab that nobody sees asks for nothing.
//
// Of several such parts only one waits for an answer at a time: Streamlit's client may pass over what comes for one part
// when another one has begun to be drawn.
const PATIENCE = 2500; // ms after which a first request counts as lost; each further one is given twice as long
const LONGEST = 20000;
const MEANWHILE = 40; // ms between two looks whether another part has got its answer

// Every component loads this file from a path of its own, so what they share lies with the page.
const page = (globalThis.tlLooking ??= { waiting: null }); // the part that waits for an answer

export function createLooking() {
  let timer = null;
  let ask = null;
  let patience = PATIENCE;
  const part = {};

  function later(milliseconds, what) {
    clearTimeout(timer);
    timer = setTimeout(what, milliseconds);
  }

  function go() {
    timer = null;
    if (document.hidden) return; // goes on once it is seen
    if (page.waiting !== null) return void later(MEANWHILE, go);
    page.waiting = part;
    later(patience, () => {
      if (page.waiting === part) page.waiting = null;
      patience = Math.min(LONGEST, 2 * patience);
      go();
    });
    ask();
  }
  const onSeen = () => { if (!document.hidden && ask && timer === null) go(); };
  document.addEventListener("visibilitychange", onSeen);

  function rest() {
    clearTimeout(timer);
    timer = null;
    if (page.waiting === part) page.waiting = null;
  }

  return {
    /** A state has come. pace: seconds until the next is asked for, null for no more. */
    got(pace, how) {
      rest();
      patience = PATIENCE;
      ask = pace ? how : null;
      if (ask) later(1000 * pace, go);
    },
    destroy() {
      rest();
      document.removeEventListener("visibilitychange", onSeen);
    },
  };
}
