// The words over the panels: what a dot is, what colours mean, and what of it is shown. The words are the switches.
import { element, formatCount, setText } from "./shared.js";
import { canColour, COLOURINGS, otherTask, shownLabels } from "./player_styles.js";

const MOST_KEYS = 24;

/**
 * actions: colour(name), hide(kind, value, alone), switch(name) for "names" and "contours".
 * `refresh(state)` with film, palette, colourBy, hidden, names, contours, scheme.
 */
export function createLegend(actions) {
  const noun = element("span");
  const domains = ["source", "target"].map((name, index) => toggle(name, () => actions.hide("domain", index), element("i", { class: `mark ${name}` })));
  const buttons = COLOURINGS.map((name) => element("button", {
    type: "button", "aria-pressed": "false", onclick: () => actions.colour(name),
  }, name));
  const names = toggle("names", () => actions.switch("names"));
  const contours = toggle("density", () => actions.switch("contours"));
  names.title = "Write each class's name at its middle (N)";
  contours.title = "Draw lines of equal density (D)";
  const extra = element("span", { class: "extra" });
  const badge = element("span", { class: "badge", hidden: true });
  const comma = element("span", {}, ", ");
  const node = element("div", { class: "words" },
    element("span", { class: "said" }, noun, domains[0], comma, domains[1], "."),
    element("span", { class: "colours", role: "group", "aria-label": "Colour by" }, "Colour by ", ...buttons),
    element("span", { class: "shows", role: "group", "aria-label": "Show" }, "Show ", names, contours), badge, extra);
  let shownFor = "";

  function toggle(name, onclick, ...marks) {
    return element("button", { type: "button", class: "key", "aria-pressed": "true", onclick }, ...marks, name);
  }
  function key(kind, colour, text, hides) {
    const mark = element("i", { class: `mark ${kind}` });
    mark.style.setProperty("--colour", colour);
    const button = element("button", {
      type: "button", class: "key", "aria-pressed": "true", title: "Click: hide or show. Double-click: show only this.",
      onclick: () => actions.hide(...hides), ondblclick: () => actions.hide(...hides, true),
    }, mark, text);
    button.hides = hides;
    return button;
  }
  function keysFor({ film, palette, colourBy, titles }) {
    const { probe } = film;
    if (colourBy === "correctness") {
      return [key("dot", palette.correct, "correct", ["correctness", "correct"]), key("cross", palette.wrong, "wrong", ["correctness", "wrong"])];
    }
    if (colourBy === "change") {
      return [
        key("dot", palette.extractor, "put right", ["change", "gained"]), key("cross", palette.wrong, "got wrong", ["change", "lost"]),
        key("dot", palette.label, "wrong otherwise", ["change", "moved"]), key("dot", palette.unknown, "as before", ["change", "same"]),
      ];
    }
    if (colourBy === "run") {
      return titles.map((title, index) => {
        const mark = element("i", { class: "mark dot" });
        mark.style.setProperty("--colour", palette.classes[index % palette.classes.length]);
        return element("span", { class: "key" }, mark, title);
      });
    }
    if (colourBy === "domain" || !probe) return [];
    const { classNames } = shownLabels(probe, colourBy);
    const shown = classNames.slice(0, MOST_KEYS);
    const keys = shown.map((name, index) => key("dot", palette.classes[index % palette.classes.length], name, [colourBy, index]));
    if (classNames.length > shown.length) keys.push(element("span", {}, `and ${formatCount(classNames.length - shown.length)} more`));
    return keys;
  }

  return {
    node, badge,
    refresh(state) {
      const { film, palette, colourBy, hidden, scheme } = state;
      if (!palette) return;
      setText(noun, `Each dot is a ${film.probe && !film.probe.sprite ? "point" : "picture"}${film.probe?.described ? ", each star a description" : ""}: `);
      node.dataset.colour = colourBy;
      buttons.forEach((button, index) => button.setAttribute("aria-pressed", String(COLOURINGS[index] === colourBy)));
      buttons[COLOURINGS.indexOf("run")].hidden = film.panels.length < 2;
      COLOURINGS.forEach((name, index) => {
        const other = otherTask(film.probe, name);
        if (name === "class") setText(buttons[index], film.probe?.others.length ? film.probe.task : name);
        else if (name.startsWith("task")) {
          buttons[index].hidden = !canColour(film.probe, name);
          if (other) setText(buttons[index], other.task);
        }
      });
      domains.forEach((button, index) => {
        button.setAttribute("aria-pressed", String(!hidden.domain.has(index)));
        button.hidden = Boolean(film.probe && !film.probe.present.has(index) && film.probe.present.size);
      });
      comma.hidden = domains.some((button) => button.hidden);
      names.setAttribute("aria-pressed", String(state.names));
      contours.setAttribute("aria-pressed", String(state.contours));
      const titles = film.panels.map((panel) => panel.title);
      const wanted = `${colourBy}|${film.probe?.id}|${scheme}|${colourBy === "run" ? titles.join("|") : ""}`;
      if (wanted !== shownFor) {
        shownFor = wanted;
        extra.replaceChildren(...keysFor({ film, palette, colourBy, titles }));
        node.dataset.rule = colourBy === "change" ? (film.panels.length > 1 ? "against the other run" : "against the frame before") : "";
      }
      for (const button of extra.querySelectorAll("button")) button.setAttribute("aria-pressed", String(!hidden[button.hides[0]].has(button.hides[1])));
    },
  };
}
