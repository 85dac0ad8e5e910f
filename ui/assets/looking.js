// When a part of the page that changes by itself asks for its next state: some time after it got the last one, never
// before. So a busy server is asked less often of itself, and a tab that nobody sees asks for nothing.
const PATIENCE = 12000; // ms after which a request counts as lost

export function createLooking() {
  let timer = null;
  let ask = null;

  function go() {
    if (document.hidden) { timer = null; return; } // goes on once it is seen
    timer = setTimeout(go, PATIENCE);
    ask();
  }
  const onSeen = () => { if (!document.hidden && ask && timer === null) go(); };
  document.addEventListener("visibilitychange", onSeen);

  return {
    /** A state has come. pace: seconds until the next is asked for, null for no more. */
    got(pace, how) {
      clearTimeout(timer);
      timer = null;
      ask = pace ? how : null;
      if (ask) timer = setTimeout(go, 1000 * pace);
    },
    destroy() {
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", onSeen);
    },
  };
}
