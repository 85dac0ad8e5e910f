// The browser's end of a page's line to the lab: messages that come by themselves. See ui/channel.py.
const SILENCE = 20000; // ms without any message after which the line counts as dead; the lab speaks at least every 8 s
const FIRST = 500; // ms until a lost line is opened anew; twice as long after each failure
const LONGEST = 30000;
const HOPELESS = 2; // failures one after another, with no message between, after which the page helps itself
const UNKNOWN = 4404; // what the lab closes a line with that belongs to no page it knows

/**
 * take: called with each message. refused: the lab does not know the page, which has to be drawn again. hopeless: no
 * line comes to be, for instance because something between lets none through.
 */
export function createChannel({ take, refused, hopeless }) {
  let name = null;
  let socket = null;
  let timer = null;
  let silence = null;
  let wait = FIRST;
  let failures = 0;

  function hear() {
    clearTimeout(silence);
    silence = setTimeout(() => { close(); open(); }, SILENCE);
  }

  function close() {
    clearTimeout(timer);
    clearTimeout(silence);
    timer = null;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
    socket = null;
  }

  function open() {
    if (!name || socket || document.hidden) return; // opened once the page is seen
    clearTimeout(timer);
    timer = null;
    const address = new URL(`moving/${name}`, document.baseURI);
    address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
    socket = new WebSocket(address);
    socket.onopen = hear;
    socket.onmessage = ({ data }) => {
      [wait, failures] = [FIRST, 0];
      hear();
      const message = JSON.parse(data);
      if (Object.keys(message).length) take(message);
    };
    socket.onclose = ({ code }) => {
      socket = null;
      clearTimeout(silence);
      failures += 1;
      if (code === UNKNOWN && failures < HOPELESS) return refused(); // once: it may be another server's page
      if (failures >= HOPELESS) hopeless();
      timer = setTimeout(open, wait);
      wait = Math.min(LONGEST, 2 * wait);
    };
  }

  const onSeen = () => (document.hidden ? close() : open());
  const onOnline = () => { close(); open(); };
  document.addEventListener("visibilitychange", onSeen);
  window.addEventListener("online", onOnline);

  return {
    /** Listen to the channel of this name; null for none. */
    listen(wanted) {
      if (wanted === name && (socket || timer !== null)) return;
      if (wanted !== name) [failures, wait] = [0, FIRST];
      name = wanted;
      close();
      open();
    },
    /** Whether the page has to help itself. */
    get hopeless() { return failures >= HOPELESS; },
    destroy() {
      name = null;
      close();
      document.removeEventListener("visibilitychange", onSeen);
      window.removeEventListener("online", onOnline);
    },
  };
}
