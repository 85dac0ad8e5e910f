// Under the film: the selected points as pictures, as a table, and in the confusion of the points that are shown.
import { element, formatCount, setText } from "./shared.js";
import { neighboursOf } from "./player_film.js";
import { className, drawThumbnail } from "./player_tip.js";

const TABS = [["pictures", "Pictures"], ["table", "Table"], ["confusion", "Confusion"]];
const MOST_PICTURES = 96;
const MOST_ROWS = 60;
const MOST_CLASSES = 20;
const SIDE = 44;

/**
 * actions: select(points, add), highlight(point or null). `refresh(state)` with film, frames (one for each panel, or
 * null), selected (a Set), palette. It is cheap when nothing of what is open has changed.
 */
export function createDrawer(actions) {
  const said = element("span", { class: "count", role: "status", "aria-live": "polite" });
  const tabs = TABS.map(([id, text]) => element("button", {
    type: "button", class: "tab", "aria-expanded": "false", onclick: () => open(opened === id ? null : id),
  }, text));
  const clear = element("button", { type: "button", class: "clear", hidden: true, onclick: () => actions.select([], false) }, "Clear selection");
  const content = element("div", { class: "content", hidden: true });
  const node = element("section", { class: "drawer", "aria-label": "Selected points" }, element("div", { class: "tabs" }, said, ...tabs, clear), content);
  let opened = null;
  let state = null;
  let built = "";
  let update = () => {};
  let confusionDomain = 1;

  function open(id) {
    opened = id;
    TABS.forEach(([name], index) => tabs[index].setAttribute("aria-expanded", String(name === id)));
    content.hidden = id === null;
    built = "";
    draw();
  }

  const titleOf = (index) => state.film.panels[index].title;
  const predictionOf = (panel, point) => state.frames[panel]?.predictions[point] ?? -1;

  function pictures(points) {
    const { film } = state;
    if (!points.length) return hint();
    const tile = (point, words) => {
      const canvas = element("canvas");
      drawThumbnail(canvas, film.probe, point, SIDE);
      const label = element("small", {}, className(film.probe, film.probe.labels[point]));
      const button = element("button", {
        type: "button", class: `tile ${film.probe.domains[point] ? "target" : "source"}`, title: words,
        onclick: () => actions.select([point], false), onpointerenter: () => actions.highlight(point), onpointerleave: () => actions.highlight(null),
        onfocus: () => actions.highlight(point), onblur: () => actions.highlight(null),
      }, canvas, label);
      button.point = point;
      return button;
    };
    const tiles = points.slice(0, MOST_PICTURES).map((point) => tile(point, "Select only this one"));
    const rows = [element("div", { class: "tiles" }, ...tiles)];
    if (points.length > tiles.length) rows.push(element("p", {}, `and ${formatCount(points.length - tiles.length)} more`));
    if (points.length === 1) {
      film.panels.forEach((panel, index) => {
        const step = state.frames[index]?.step ?? 0;
        const near = neighboursOf(panel, points[0], step);
        if (!near) return;
        const words = `Nearest in the full feature space${film.panels.length > 1 ? ` of ${panel.title}` : ""}, step ${formatCount(near.step)}`;
        rows.push(element("p", {}, words), element("div", { class: "tiles" }, ...near.points.map((point) => tile(point, "Select this neighbour"))));
      });
    }
    content.replaceChildren(...rows);
    return () => {
      for (const button of content.querySelectorAll(".tile")) {
        const predicted = predictionOf(state.film.panels.length - 1, button.point);
        button.classList.toggle("wrong", predicted >= 0 && predicted !== state.film.probe.labels[button.point]);
      }
    };
  }

  function table(points) {
    const { film } = state;
    if (!points.length) return hint();
    const { probe } = film;
    const head = element("tr", {}, ...["point", "domain", "label", ...film.panels.map((panel) => (film.panels.length > 1 ? `predicted by ${panel.title}` : "predicted"))].map((text) => element("th", {}, text)));
    const cells = [];
    const rows = points.slice(0, MOST_ROWS).map((point) => {
      const predicted = film.panels.map((_, panel) => {
        const cell = element("td");
        cells.push({ cell, panel, point });
        return cell;
      });
      const pick = element("button", { type: "button", onclick: () => actions.select([point], false) }, String(point));
      return element("tr", { onpointerenter: () => actions.highlight(point), onpointerleave: () => actions.highlight(null) },
        element("td", {}, pick), element("td", { class: probe.domains[point] ? "target" : "source" }, probe.domains[point] ? "target" : "source"),
        element("td", {}, className(probe, probe.labels[point])), ...predicted);
    });
    const more = points.length > rows.length ? element("p", {}, `and ${formatCount(points.length - rows.length)} more`) : "";
    content.replaceChildren(element("div", { class: "scroll" }, element("table", {}, head, ...rows)), more);
    return () => {
      for (const { cell, panel, point } of cells) {
        const predicted = predictionOf(panel, point);
        setText(cell, predicted < 0 ? "–" : className(probe, predicted));
        cell.className = predicted >= 0 && predicted !== probe.labels[point] ? "wrong" : "";
      }
    };
  }

  function confusion() {
    const { film } = state;
    const { probe } = film;
    const classes = shownClasses();
    const choice = element("div", { class: "choice", role: "group", "aria-label": "Domain" }, "Points of the ", ...["source", "target"].map((name, domain) => element("button", {
      type: "button", "aria-pressed": String(confusionDomain === domain), onclick: () => { confusionDomain = domain; built = ""; draw(); },
    }, name)));
    const cells = [];
    const matrices = film.panels.map((panel, index) => {
      const head = element("tr", {}, element("th", {}, "true ↓ predicted →"), ...classes.map((label) => element("th", {}, short(className(probe, label)))));
      const rows = classes.map((label) => element("tr", {}, element("th", {}, short(className(probe, label))), ...classes.map((predicted) => {
        const button = element("button", { type: "button", onclick: () => selectCell(label, predicted, confusionDomain, index) });
        cells.push({ button, index, label, predicted });
        return element("td", {}, button);
      })));
      return element("div", { class: "matrix" }, element("b", {}, panel.title), element("div", { class: "scroll" }, element("table", {}, head, ...rows)));
    });
    const note = classes.length < probe.classNames.length ? element("p", {}, `The ${classes.length} classes with the most mistakes, of ${formatCount(probe.classNames.length)}.`) : "";
    content.replaceChildren(choice, element("div", { class: "matrices" }, ...matrices), note);
    return () => {
      const counts = film.panels.map((_, panel) => countPairs(panel));
      for (const { button, index, label, predicted } of cells) {
        const found = counts[index].get(`${label},${predicted}`) ?? { count: 0, selected: 0 };
        const total = counts[index].get(label) ?? 0;
        setText(button, found.count ? String(found.count) : "");
        button.disabled = !found.count;
        const words = `${className(probe, label)} taken for ${className(probe, predicted)}: ${found.count}`;
        if (button.title !== words) { button.title = words; button.setAttribute("aria-label", words); }
        button.style.setProperty("--share", total ? (found.count / total).toFixed(2) : "0");
        button.classList.toggle("right", label === predicted);
        button.classList.toggle("on", found.selected > 0);
      }
    };
  }

  function countPairs(panel) {
    const { probe } = state.film;
    const counts = new Map();
    for (let point = 0; point < probe.count; point++) {
      const predicted = predictionOf(panel, point);
      if (probe.domains[point] !== confusionDomain || predicted < 0) continue;
      const label = probe.labels[point], key = `${label},${predicted}`;
      if (!counts.has(key)) counts.set(key, { count: 0, selected: 0 });
      counts.get(key).count += 1;
      counts.get(key).selected += state.selected.has(point);
      counts.set(label, (counts.get(label) ?? 0) + 1);
    }
    return counts;
  }

  /** All classes, or where these are too many those with the most mistakes of the latest frame. */
  function shownClasses() {
    const { probe } = state.film;
    const all = probe.classNames.map((_, label) => label);
    if (all.length <= MOST_CLASSES) return all;
    const mistakes = new Map();
    for (let point = 0; point < probe.count; point++) {
      const predicted = predictionOf(state.film.panels.length - 1, point);
      if (predicted >= 0 && predicted !== probe.labels[point]) {
        for (const label of [probe.labels[point], predicted]) mistakes.set(label, (mistakes.get(label) ?? 0) + 1);
      }
    }
    return all.sort((a, b) => (mistakes.get(b) ?? 0) - (mistakes.get(a) ?? 0) || a - b).slice(0, MOST_CLASSES).sort((a, b) => a - b);
  }

  /** The points of one cell: true class, predicted class, domain, and the panel whose prediction counts. */
  function selectCell(label, predicted, domain, panel) {
    if (!state?.film.probe) return;
    const { probe } = state.film;
    const points = [];
    for (let point = 0; point < probe.count; point++) {
      if (probe.labels[point] === label && probe.domains[point] === domain && predictionOf(panel, point) === predicted) points.push(point);
    }
    actions.select(points, false);
  }

  function hint() {
    content.replaceChildren(element("p", {}, "Click a point, or hold Shift and draw around some: they appear here."));
    return () => {};
  }
  const short = (name) => (name.length > 12 ? `${name.slice(0, 11)}…` : name);

  function draw() {
    const { film, selected } = state;
    const count = selected.size;
    setText(said, count ? `${formatCount(count)} ${count === 1 ? "point" : "points"} selected` : "No points selected");
    clear.hidden = !count;
    if (!film.probe || opened === null) return;
    const key = `${opened}|${film.probe.id}|${state.version}|${film.panels.map((panel) => `${panel.run}${panel.title}`).join()}|${opened === "pictures" && count === 1 ? film.panels.map((panel) => panel.nearest?.point ?? "").join() + state.frames.map((frame) => frame?.step).join() : ""}`;
    const structure = opened === "confusion" ? key.replace(`|${state.version}|`, "||") : key;
    if (structure !== built) {
      built = structure;
      const points = [...selected].filter((point) => point < film.probe.count).sort((a, b) => a - b);
      update = { pictures, table, confusion }[opened](points);
    }
    update();
  }

  return {
    node, selectCell,
    /** version: changes with the selection. */
    refresh(next) {
      const grown = state && next.selected.size && !state.hadSelection;
      state = { ...next, hadSelection: next.selected.size > 0 };
      if (grown && opened === null) open("pictures");
      else draw();
    },
  };
}
