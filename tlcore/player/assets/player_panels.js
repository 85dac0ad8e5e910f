// The cards of the player: title, canvas, zoom and pan, and the picture of the point under the pointer.
import { element, setText } from "./shared.js";
import { createScene } from "./player_scene.js";

const REACH = 14;
const THUMBNAIL = 64;

function createPanel({ film, index, wake, onHighlight }) {
  const title = element("b");
  const value = element("span", { class: "value" });
  const canvas = element("canvas", { tabindex: "0", role: "img" });
  const waiting = element("div", { class: "waiting" }, "Waiting for the first frame");
  const hint = element("div", { class: "hint", "aria-hidden": "true" }, "Click the picture, then scroll to zoom");
  const thumbnail = element("canvas", { class: "thumbnail" });
  const lines = [element("b"), element("span"), element("span")];
  const tip = element("div", { class: "tip", hidden: true }, thumbnail, element("div", {}, ...lines));
  const stage = element("div", { class: "stage" }, canvas, waiting, hint, tip);
  const node = element("section", { class: "card" }, element("div", { class: "head" }, title, value), stage);
  const scene = createScene(canvas);
  const pointers = new Map();
  let hintTimer = 0;
  let dragged = 0;

  const at = (event) => {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };

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
    wake();
  }, { passive: false });

  canvas.addEventListener("pointerdown", (event) => {
    pointers.set(event.pointerId, at(event));
    dragged = 0;
    // A finger scrolls the page until the picture has been zoomed with two fingers.
    if (event.pointerType === "mouse" || scene.zoom > 1) canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    const here = at(event);
    const from = pointers.get(event.pointerId);
    if (!from) { hover(here); return; }
    if (pointers.size === 2) {
      const other = [...pointers].find(([id]) => id !== event.pointerId)[1];
      const span = (a, b) => Math.hypot(a[0] - b[0], a[1] - b[1]) || 1;
      scene.zoomAt((here[0] + other[0]) / 2, (here[1] + other[1]) / 2, span(here, other) / span(from, other));
    } else if (event.pointerType === "mouse" || scene.zoom > 1) {
      scene.panBy(here[0] - from[0], here[1] - from[1]);
      dragged += Math.abs(here[0] - from[0]) + Math.abs(here[1] - from[1]);
      canvas.classList.add("dragging");
      hover(null);
    }
    pointers.set(event.pointerId, here);
    canvas.style.touchAction = scene.zoom > 1 ? "none" : "pan-y";
    wake();
  });
  const release = (event) => {
    pointers.delete(event.pointerId);
    canvas.classList.remove("dragging");
    if (event.type === "pointerup" && dragged < 4) hover(at(event));
  };
  canvas.addEventListener("pointerup", release);
  canvas.addEventListener("pointercancel", release);
  canvas.addEventListener("pointerleave", (event) => { if (event.pointerType === "mouse") hover(null); });
  canvas.addEventListener("dblclick", () => { scene.resetView(); canvas.style.touchAction = "pan-y"; wake(); });
  canvas.addEventListener("blur", () => hover(null));

  function hover(where) {
    const found = where && film.probe ? scene.pointAt(where[0], where[1], REACH) : null;
    tip.hidden = found === null;
    if (found !== null) describe(found, where);
    onHighlight(found);
    wake();
  }

  function describe(point, [x, y]) {
    const { labels, domains, classNames, sprite } = film.probe;
    const predicted = scene.frame?.predictions[point] ?? -1;
    const name = (label) => classNames[label] ?? "unknown";
    setText(lines[0], name(labels[point]));
    setText(lines[1], predicted < 0 ? "not predicted yet" : `predicted ${name(predicted)}${predicted === labels[point] ? "" : "  ✕"}`);
    lines[1].className = predicted >= 0 && predicted !== labels[point] ? "wrong" : "";
    setText(lines[2], domains[point] ? "target" : "source");
    lines[2].className = domains[point] ? "target" : "source";
    thumbnail.hidden = !sprite;
    if (sprite) {
      thumbnail.width = thumbnail.height = THUMBNAIL;
      const context = thumbnail.getContext("2d");
      context.imageSmoothingEnabled = sprite.width > THUMBNAIL;
      const column = point % sprite.columns;
      const row = Math.floor(point / sprite.columns);
      if (sprite.picture.complete && sprite.picture.naturalWidth) {
        context.drawImage(sprite.picture, column * sprite.width, row * sprite.height, sprite.width, sprite.height, 0, 0, THUMBNAIL, THUMBNAIL);
      }
    }
    const width = tip.offsetWidth, height = tip.offsetHeight;
    const left = x + 16 + width > stage.clientWidth ? x - 16 - width : x + 16;
    tip.style.transform = `translate(${Math.max(0, left)}px, ${Math.max(0, Math.min(stage.clientHeight - height, y - height / 2))}px)`;
  }

  return {
    node, scene, stage,
    refresh(height) {
      const panel = film.panels[index];
      setText(title, panel.title);
      setText(value, panel.value);
      stage.style.height = `${height}px`;
      waiting.hidden = panel.frames.length > 0;
      canvas.setAttribute("aria-label", `${panel.title}: the probe points in the plane. ${panel.value}`);
    },
    draw({ moment, colourBy, palette, highlight, now, elapsed, calm }) {
      const panel = film.panels[index];
      scene.resize();
      const easing = scene.follow(panel.extent, elapsed, calm);
      const gliding = scene.draw(panel, film.probe, moment, colourBy, palette, highlight, now);
      return easing || gliding;
    },
  };
}

export function createPanels({ film, wake, onHighlight }) {
  const node = element("div", { class: "panels" });
  let panels = [];
  const observer = new ResizeObserver(() => wake());

  return {
    node,
    arrange(height, replaced, duration) {
      while (panels.length > film.panels.length) {
        const gone = panels.pop();
        observer.unobserve(gone.stage);
        gone.node.remove();
      }
      while (panels.length < film.panels.length) {
        const added = createPanel({ film, index: panels.length, wake, onHighlight });
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
    zooms() { return panels.map((panel) => panel.scene.zoom.toFixed(2)).join(","); },
    destroy() { observer.disconnect(); },
  };
}
