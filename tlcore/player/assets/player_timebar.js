// Time under the panels: play, step, the scrubber with the curves of the run, speed and projection.
import { valueAt } from "./player_film.js";
import { element, formatCount, setText } from "./shared.js";

const SPEEDS = [0.5, 1, 2, 4];
const ICONS = {
  loop: "M8 3a5 5 0 1 1-4.7 3.300h1.700A3.500 3.500 0 1 0 8 4.500V7L4 3.700 8 .5z",
  lasso: "M8 2.5c3.3 0 6 1.6 6 3.8S11.3 10 8 10c-.7 0-1.3-.1-1.9-.2.2 1.5-.6 2.9-2.1 3.9l-.8-1.2c1.1-.8 1.6-1.6 1.5-2.9C3 8.9 2 7.7 2 6.3 2 4.1 4.7 2.5 8 2.5zM8 4C5.5 4 3.5 5 3.500 6.300S5.500 8.500 8 8.500s4.500-.9 4.500-2.200S10.500 4 8 4z",
  screen: "M2 3h12v8H2zM3.500 4.500v5h9v-5zM5 12.500h6V14H5z", info: "M8 1.500a6.500 6.500 0 1 1 0 13 6.500 6.500 0 0 1 0-13zM8 3a5 5 0 1 0 0 10A5 5 0 0 0 8 3zM7.200 7h1.600v4H7.200zM7.200 4.800h1.600v1.500H7.200z",
  play: "M4 2.5v11l9-5.5z", pause: "M4 2.5h3v11H4zM9 2.5h3v11H9z", back: "M3 3h2v10H3zM13 3v10L6 8z", forward: "M11 3h2v10h-2zM3 3v10l7-5z",
};
const SVG = "http://www.w3.org/2000/svg";

function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return { svg, turnInto(other) { if (path.getAttribute("d") !== ICONS[other]) path.setAttribute("d", ICONS[other]); } };
}

/** A position on the timeline for a step, and back: the scrubber runs in steps so that the curves stand under it. */
function positionOf(timeline, step) {
  if (timeline.length < 2) return 0;
  let index = 0;
  while (index < timeline.length - 2 && timeline[index + 1] <= step) index += 1;
  return index + Math.min(1, Math.max(0, (step - timeline[index]) / (timeline[index + 1] - timeline[index])));
}
function stepOf(timeline, position) {
  const index = Math.min(Math.floor(position), timeline.length - 1);
  const from = timeline[index] ?? 0;
  return from + ((timeline[index + 1] ?? from) - from) * (position - index);
}

export function createTimebar({ onToggle, onStep, onSeek, onSeekEnd, onSpeed, onProjection, onLive, onLoop, onLasso, onLecture, onInfo }) {
  const playIcon = icon("play");
  const playButton = element("button", { type: "button", class: "play", title: "Play or pause (space)", "aria-label": "Play", onclick: onToggle }, playIcon.svg);
  const back = element("button", { type: "button", title: "One frame back (←)", "aria-label": "One frame back", onclick: () => onStep(-1) }, icon("back").svg);
  const forward = element("button", { type: "button", title: "One frame on (→)", "aria-label": "One frame on", onclick: () => onStep(1) }, icon("forward").svg);
  const chart = document.createElementNS(SVG, "svg");
  chart.setAttribute("viewBox", "0 0 1000 100");
  chart.setAttribute("preserveAspectRatio", "none");
  chart.setAttribute("aria-hidden", "true");
  const head = element("div", { class: "playhead" });
  const range = element("input", { type: "range", min: "0", step: "any", "aria-label": "Training step" });
  const track = element("div", { class: "track" }, chart, head, range);
  const label = element("span", { class: "step" });
  const live = element("button", { type: "button", class: "live", hidden: true, onclick: onLive }, "back to live");
  const speed = element("button", { type: "button", class: "speed", title: "Speed (+ and −)" }, "1×");
  const projection = element("select", { "aria-label": "Projection", hidden: true });
  const tool = (name, title, onclick, pressed = true) => element("button", {
    type: "button", class: `tool tool-${name}`, title, "aria-label": title, ...(pressed ? { "aria-pressed": "false" } : {}), onclick,
  }, icon(name).svg);
  const loop = tool("loop", "Play again and again", onLoop);
  const lasso = tool("lasso", "Draw around points to select them (or hold Shift)", onLasso);
  const lecture = tool("screen", "Lecture view (L)", onLecture, false);
  lecture.append(element("span", {}, "Lecture")); // a picture of a screen alone is found by nobody
  const info = tool("info", "How far the picture can be trusted", onInfo);
  const curveWords = element("div", { class: "curves" });
  const node = element("div", { class: "time" },
    element("div", { class: "bar" }, element("div", { class: "buttons" }, back, playButton, forward), track, label, live,
      element("div", { class: "tools" }, speed, loop, lasso, info, lecture), projection), curveWords);

  let shown = { timeline: [], total: 0 };
  let drawn = "";
  let curveSlots = [];
  let speedIndex = 1;

  function changeSpeed(index) {
    speedIndex = (index + SPEEDS.length) % SPEEDS.length;
    setText(speed, `${SPEEDS[speedIndex]}×`);
    onSpeed(SPEEDS[speedIndex]);
  }
  speed.addEventListener("click", () => changeSpeed(speedIndex + 1));
  projection.addEventListener("change", () => onProjection(projection.value));
  let dragging = false;
  range.addEventListener("input", () => { dragging = true; onSeek(positionOf(shown.timeline, Number(range.value))); });
  range.addEventListener("change", () => { dragging = false; onSeekEnd(); });

  function drawCurves({ curves, total, palette }) {
    const state = JSON.stringify([curves, total, palette?.ink]);
    if (state === drawn || !palette) return;
    drawn = state;
    const paths = curves.map((curve) => {
      const path = document.createElementNS(SVG, "path");
      let data = "";
      let pen = "M";
      curve.steps.forEach((step, index) => {
        const value = curve.values[index];
        if (value === null) { pen = "M"; return; }
        data += `${pen}${((1000 * step) / Math.max(total, 1)).toFixed(1)} ${(96 - 92 * Math.min(1, Math.max(0, value))).toFixed(1)}`;
        pen = "L";
      });
      path.setAttribute("d", data);
      path.style.stroke = palette[curve.role] ?? curve.role;
      return path;
    });
    chart.replaceChildren(...paths);
    if (curveSlots.length !== curves.length) {
      curveSlots = curves.map(() => ({ name: element("span"), value: element("b") }));
      curveWords.replaceChildren(...curveSlots.map(({ name, value }) => element("span", { class: "curve" }, element("i"), name, value)));
    }
    curves.forEach((curve, index) => {
      setText(curveSlots[index].name, `${curve.name} `);
      curveWords.children[index].style.setProperty("--colour", palette[curve.role] ?? curve.role);
    });
  }

  return {
    node,
    refresh() { drawn = ""; },
    /** Faster (+1) or slower (-1), not beyond the ends. */
    hasten(by) { changeSpeed(Math.min(SPEEDS.length - 1, Math.max(0, speedIndex + by))); },
    press(name, on) { ({ loop, lasso, info })[name].setAttribute("aria-pressed", String(on)); },
    setProjections(list, current) {
      const wanted = list.map((item) => item.id).join("\n");
      if (projection.dataset.list !== wanted) {
        projection.dataset.list = wanted;
        projection.replaceChildren(...list.map((item) => element("option", { value: item.id }, item.label)));
        projection.hidden = list.length < 2;
      }
      if (projection.value !== current) projection.value = current;
    },
    show(state) {
      shown = state;
      const step = stepOf(state.timeline, state.position);
      const empty = state.timeline.length === 0;
      drawCurves(state);
      range.max = String(Math.max(state.total, 1));
      if (!dragging) range.value = String(step);
      range.setAttribute("aria-valuetext", `step ${formatCount(state.step)}`);
      head.style.left = `${(100 * Math.min(step, state.total)) / Math.max(state.total, 1)}%`;
      head.hidden = empty;
      setText(label, empty ? "step –" : `step ${formatCount(state.step)} / ${formatCount(state.total)}`);
      for (const control of [range, playButton, back, forward]) if (control.disabled !== empty) control.disabled = empty;
      playIcon.turnInto(state.playing ? "pause" : "play");
      playButton.setAttribute("aria-label", state.playing ? "Pause" : "Play");
      live.hidden = !(state.live && !state.following);
      state.curves.forEach((curve, index) => {
        const value = valueAt(curve, step);
        if (curveSlots[index]) setText(curveSlots[index].value, value === null ? "–" : value.toFixed(2));
      });
    },
  };
}
