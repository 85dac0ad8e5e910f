// The cards of the player: title, canvas, and what a pointer does there: zoom, pan, turn, point, click and lasso.
import { formatCount, element, setText } from "./shared.js";
import { valueAt } from "./player_film.js";
import { createScene } from "./player_scene.js";
import { createTip } from "./player_tip.js";

const REACH = 14;
const CLICK = 4; // a pointer that moves no further than this has clicked

function createPanel({ film, index, wake, actions }) {
  const title = element("b");
  const value = element("span", { class: "value" });
  const canvas = element("canvas", { tabindex: "0", role: "img" });
  const waiting = element("div", { class: "waiting" });
  const hint = element("div", { class: "hint", "aria-hidden": "true" }, "Click the picture, then scroll to zoom");
  const problem = element("div", { class: "problem", role: "status", hidden: true });
  const scene = createScene(canvas);
  const stage = element("div", { class: "stage" }, canvas, waiting, hint, problem);
  const tip = createTip({ film, scene, stage });
  stage.append(tip.node);
  const node = element("section", { class: "card" }, element("div", { class: "head" }, title, value), stage);
  const pointers = new Map();
  let hintTimer = 0;
  let dragged = 0;
  let pressed = null; // the point that was under the pointer when it went down: in a film it moves on under a click
  let gesture = null; // "lasso", "pan" or "turn" while a pointer is down

  const at = (event) => {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  const inSpace = () => scene.dimensions === 3;
  const touchAction = () => { canvas.style.touchAction = scene.zoom > 1 || inSpace() || actions.lassoing() ? "none" : "pan-y"; };

  canvas.addEventListener("wheel", (event) => {
    // A page must scroll past the player: the wheel belongs to the picture only once it has been clicked.
    const mine = event.ctrlKey || event.metaKey || canvas.getRootNode().activeElement === canvas;
    if (!mine) {
      hint.classList.add("on");
      clearTimeout(hintTimer);
      hintTimer = setTimeout(() => hint.classList.remove("on"), 1200);
      return;
    }
    event.preventDefault();
    scene.zoomAt(...at(event), Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0016)));
    touchAction();
    wake();
  }, { passive: false });

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button > 0) return;
    pointers.set(event.pointerId, at(event));
    dragged = 0;
    pressed = pointAt(at(event));
    const mouse = event.pointerType === "mouse";
    if (event.shiftKey || actions.lassoing()) { gesture = "lasso"; scene.lasso = [at(event)]; }
    else gesture = inSpace() && !event.altKey ? "turn" : "pan";
    // A finger scrolls the page until the picture has been zoomed with two fingers.
    if (mouse || gesture !== "pan" || scene.zoom > 1) canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    const here = at(event);
    const from = pointers.get(event.pointerId);
    if (!from) { hover(here); return; }
    const [dx, dy] = [here[0] - from[0], here[1] - from[1]];
    dragged += Math.abs(dx) + Math.abs(dy);
    if (pointers.size === 2) {
      const other = [...pointers].find(([id]) => id !== event.pointerId)[1];
      const span = (a, b) => Math.hypot(a[0] - b[0], a[1] - b[1]) || 1;
      scene.lasso = null;
      scene.zoomAt((here[0] + other[0]) / 2, (here[1] + other[1]) / 2, span(here, other) / span(from, other));
    } else if (gesture === "lasso") {
      scene.lasso?.push(here);
    } else if (gesture === "turn") {
      scene.turnBy(dx, dy);
      actions.turned(scene.turn);
    } else if (event.pointerType === "mouse" || scene.zoom > 1) {
      scene.panBy(dx, dy);
      canvas.classList.add("dragging");
    }
    if (dragged > CLICK) hover(null);
    pointers.set(event.pointerId, here);
    touchAction();
    wake();
  });
  const release = (event) => {
    if (!pointers.delete(event.pointerId)) return;
    canvas.classList.remove("dragging");
    const line = scene.lasso;
    scene.lasso = null;
    if (event.type === "pointerup") {
      if (line && dragged > CLICK && line.length > 2) actions.select(scene.pointsWithin(line), event.shiftKey && event.altKey);
      else if (dragged <= CLICK) click(at(event), event.shiftKey);
    }
    wake();
  };
  canvas.addEventListener("pointerup", release);
  canvas.addEventListener("pointercancel", release);
  canvas.addEventListener("pointerleave", (event) => { if (event.pointerType === "mouse") hover(null); });
  canvas.addEventListener("dblclick", () => { scene.resetView(); touchAction(); wake(); });
  canvas.addEventListener("blur", () => hover(null));

  const pointAt = (where) => (film.probe ? scene.pointAt(...where, REACH) : null);
  function click(where, more) {
    hover(where);
    if (pressed !== null) actions.toggle(pressed, more);
    else if (!more) actions.select([], false);
  }
  function hover(where) {
    const found = where && pointAt(where);
    tip.show(found, where);
    actions.highlight(found);
    wake();
  }

  /** The run's figure at the step that is shown. */
  function tell() {
    const { series, value: words } = film.panels[index];
    const reached = series && scene.frame ? valueAt(series, scene.frame.step) : null;
    setText(value, series ? `${series.name} ${reached === null ? "–" : reached.toFixed(2)}` : words);
  }

  return {
    node, scene, stage,
    refresh(height) {
      const panel = film.panels[index];
      setText(title, panel.title);
      tell();
      stage.style.height = `${height}px`;
      waiting.hidden = panel.frames.length > 0;
      setText(waiting, panel.problem ?? "Waiting for the first frame");
      canvas.setAttribute("aria-label", `${panel.title}: the probe points ${inSpace() ? "in space" : "in the plane"}. ${panel.value}`);
    },
    draw(view) {
      const panel = film.panels[index];
      scene.resize();
      const easing = scene.follow(panel.extent, view.elapsed, view.calm);
      if (view.swaying && inSpace() && gesture !== "turn") scene.turnBy(view.elapsed * 0.02, 0);
      const gliding = scene.draw(film, panel, view);
      tell();
      const words = scene.problem || (panel.frames.length ? panel.problem : null) || missing(scene.frame);
      problem.hidden = !words;
      if (words) setText(problem, words);
      return easing || gliding;
    },
  };
}

function missing(frame) {
  if (!frame?.missing) return null;
  return `${formatCount(frame.missing)} ${frame.missing === 1 ? "point has" : "points have"} no place at step ${formatCount(frame.step)}: the features are not numbers.`;
}

/** actions: what a panel may ask of the player. Two panels in space are turned together. */
export function createPanels({ film, wake, actions }) {
  const node = element("div", { class: "panels" });
  let panels = [];
  const observer = new ResizeObserver(() => wake());
  const shared = { ...actions, turned(turn) { for (const panel of panels) panel.scene.turn = [...turn]; } };

  return {
    node,
    arrange(height, replaced, duration) {
      while (panels.length > film.panels.length) {
        const gone = panels.pop();
        observer.unobserve(gone.stage);
        gone.node.remove();
      }
      while (panels.length < film.panels.length) {
        const added = createPanel({ film, index: panels.length, wake, actions: shared });
        panels.push(added);
        node.append(added.node);
        observer.observe(added.stage);
      }
      node.dataset.count = String(panels.length);
      panels.forEach((panel, index) => {
        if (replaced.includes(index)) panel.scene.rearrange(performance.now(), duration);
        panel.refresh(height);
      });
    },
    recolour() { panels.forEach((panel) => panel.scene.recolour()); },
    draw(view) { return panels.map((panel) => panel.draw(view)).some(Boolean); },
    /** The frame each panel shows, or null. */
    frames() { return panels.map((panel, index) => (film.panels[index]?.frames.length ? panel.scene.frame : null)); },
    resetViews() { panels.forEach((panel) => panel.scene.resetView()); },
    zoomBy(factor) { panels.forEach(({ scene, stage }) => scene.zoomAt(stage.clientWidth / 2, stage.clientHeight / 2, factor)); },
    zooms() { return panels.map((panel) => panel.scene.zoom.toFixed(2)).join(","); },
    destroy() { observer.disconnect(); },
  };
}
