// What moved on the page since it was drawn: each chart finds its own by its key. See ui/feed.py.
import { instanceFor } from "../transfer-learning-lab.player/shared.js";
import { createChannel } from "./channel.js";
import { createLooking } from "./looking.js";

const SOON = 0.001; // seconds

function createFeed() {
  const looking = createLooking();
  let given = null;
  let ask = null;
  const look = () => looking.got(SOON, ask);

  function take(message) {
    if (message.chart) window.dispatchEvent(new CustomEvent("tl-feed", { detail: message }));
    if (message.look) look(); // a run has begun, paused or ended: that concerns the whole page
  }
  const channel = createChannel({ take, refused: look, hopeless: () => looking.got(given.pace, ask) });

  return {
    update(data, how) {
      [given, ask] = [data, how];
      data.messages.forEach((message) => take(JSON.parse(message)));
      channel.listen(data.channel);
      looking.got(data.channel === null || channel.hopeless ? data.pace : null, ask);
    },
    destroy() {
      channel.destroy();
      looking.destroy();
    },
  };
}

export default function ({ data, parentElement, setTriggerValue }) {
  const [feed, cleanUp] = instanceFor(parentElement, createFeed);
  feed.update(data, () => setTriggerValue("look", Date.now()));
  return cleanUp;
}
