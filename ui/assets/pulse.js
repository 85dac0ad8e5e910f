// A sign of life of a view that changes by itself, with how far its runs are. What it means: connection.js.
import { instanceFor } from "../transfer-learning-lab.player/shared.js";
import { createLooking } from "./looking.js";

export default function ({ data, parentElement, setTriggerValue }) {
  document.dispatchEvent(new CustomEvent("tl-pulse", { detail: data }));
  const [looking, cleanUp] = instanceFor(parentElement, createLooking);
  looking.got(data.pace, () => setTriggerValue("look", Date.now()));
  return cleanUp;
}
