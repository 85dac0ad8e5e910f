// For a lecture: the film fills the screen, controls are gone, type and points are large, captions say what happens.
import { element, formatCount, setText } from "./shared.js";

const SHOWN_SHARE = 0.2; // a caption stays for so much of the film

/** Turning it on and off, and the caption of the moment. `onChange(on)` is called when it changes. */
export function createLecture(root, { onChange }) {
  const text = element("span");
  const step = element("b");
  const caption = element("div", { class: "caption", role: "status", "aria-live": "polite" }, step, text);
  const leave = element("button", { type: "button", class: "leave", title: "Leave the lecture view (L or Esc)", "aria-label": "Leave the lecture view", onclick: () => set(false) }, "✕");
  let on = false;

  function set(wanted) {
    if (wanted === on) return;
    on = wanted;
    root.dataset.lecture = String(on);
    // In the top layer nothing of the page can lie over the film, and no container can cut it.
    if (on) {
      root.setAttribute("popover", "manual");
      root.showPopover?.();
      document.documentElement.style.overflow = "hidden";
    } else {
      root.hidePopover?.();
      root.removeAttribute("popover");
      document.documentElement.style.overflow = "";
    }
    onChange(on);
  }

  return {
    nodes: [caption, leave],
    get on() { return on; },
    set,
    /** Show what is said at a step: the latest caption before it, for a while. */
    show(captions, at, total) {
      const said = captions.filter((one) => one.step <= at).at(-1);
      const current = on && said && at - said.step <= Math.max(SHOWN_SHARE * total, 1) ? said : null;
      caption.classList.toggle("on", Boolean(current));
      if (!current) return;
      setText(step, `step ${formatCount(current.step)}`);
      setText(text, current.text);
    },
    destroy() { if (on) document.documentElement.style.overflow = ""; },
  };
}
