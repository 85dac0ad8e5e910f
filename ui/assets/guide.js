// What accompanies a page: the button that opens its tour, the tour itself, and the explanations of its terms.
import { element, instanceFor, whenStyled } from "../transfer-learning-lab.player/shared.js";
import { createTips } from "./guide_tips.js";
import { createTour } from "./guide_tour.js";

const REDRAWN_WITHIN = 3000; // ms

function createGuide(parent) {
  const link = {};
  const button = element("button", { type: "button", class: "tl-tour-button", hidden: true, onclick: () => tour.set(!tour.open) }, "Tour");
  const root = element("div", { class: "tl-guide" }, button);
  whenStyled(parent, root);
  parent.append(root);
  // In the app itself: there the colours are known, and nothing of the page can cut it off.
  const app = parent.closest(".stApp") ?? document.body;
  const tips = createTips(app);
  const tour = createTour(app, {
    onOpen(open) {
      button.setAttribute("aria-expanded", String(open));
      link.setStateValue?.("open", open);
      if (!open) giveBack(performance.now() + REDRAWN_WITHIN);
    },
  });
  let begun = false;
  let owed = 0;

  // Whoever closes the tour goes on at its button, also if the page is drawn anew at that moment and lets the focus fall.
  function giveBack(until = owed) {
    owed = until;
    button.focus({ preventScroll: true });
  }
  return {
    link,
    update(data) {
      tips.update(data.terms, data.glossary);
      tour.update(data.tour);
      button.hidden = !data.tour;
      if (performance.now() < owed && document.activeElement === document.body) giveBack();
      if (!begun && data.tour && data.open) tour.set(true);
      begun = true;
    },
    destroy() { tips.destroy(); tour.destroy(); },
  };
}

export default function ({ data, parentElement, setStateValue }) {
  const [guide, cleanUp] = instanceFor(parentElement, () => createGuide(parentElement));
  guide.link.setStateValue = setStateValue;
  guide.update(data);
  return cleanUp;
}
