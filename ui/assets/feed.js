// What moved on the page since it was drawn: each chart finds its own by its key. See ui/feed.py.
import { instanceFor } from "../transfer-learning-lab.player/shared.js";
import { createLooking } from "./looking.js";

export default function ({ data, parentElement, setTriggerValue }) {
  window.dispatchEvent(new CustomEvent("tl-feed", { detail: data.charts }));
  const [looking, cleanUp] = instanceFor(parentElement, createLooking);
  looking.got(data.pace, () => setTriggerValue("look", data.moment));
  return cleanUp;
}
