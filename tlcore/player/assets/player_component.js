// The thin layer between Streamlit and the player.
import { element, instanceFor, whenStyled } from "./shared.js";
import { createPlayer } from "./player.js";

export default function ({ data, parentElement, setStateValue, setTriggerValue }) {
  const [component, cleanUp] = instanceFor(parentElement, () => {
    const root = element("div");
    whenStyled(parentElement, root);
    parentElement.append(root);
    // Streamlit's functions are renewed with every call: the player always uses the latest.
    const link = {};
    const player = createPlayer(root, {
      onState: (state) => link.setStateValue("view", state),
      onResend: (count) => link.setTriggerValue("resend", count),
    });
    return { link, player, destroy: player.destroy };
  });
  Object.assign(component.link, { setStateValue, setTriggerValue });
  component.player.update(data);
  return cleanUp;
}
