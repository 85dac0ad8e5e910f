// What a point under the pointer is: its picture, its label, what the network takes it for, and its domain.
import { element, formatCount, setText } from "./shared.js";

const THUMBNAIL = 64;

/** Draw the picture of a point on a canvas of the given side; without pictures, nothing. */
export function drawThumbnail(canvas, probe, point, side) {
  const { sprite } = probe;
  canvas.hidden = !sprite;
  if (!sprite) return;
  const sharp = Math.min(2, window.devicePixelRatio || 1);
  canvas.width = canvas.height = Math.round(side * sharp);
  const context = canvas.getContext("2d");
  context.imageSmoothingEnabled = sprite.width > canvas.width;
  const column = point % sprite.columns, row = Math.floor(point / sprite.columns);
  const stamp = () => context.drawImage(
    sprite.picture, column * sprite.width, row * sprite.height, sprite.width, sprite.height, 0, 0, canvas.width, canvas.height);
  if (sprite.picture.complete && sprite.picture.naturalWidth) stamp();
  else sprite.picture.addEventListener("load", stamp, { once: true });
}

export const className = (probe, label) => probe.classNames[label] ?? "unknown";

export function createTip({ film, scene, stage }) {
  const thumbnail = element("canvas", { class: "thumbnail" });
  const lines = [element("b"), element("span"), element("span")];
  const node = element("div", { class: "tip", hidden: true }, thumbnail, element("div", {}, ...lines));

  function show(point, where) {
    node.hidden = point === null;
    if (point === null) return;
    const { probe } = film;
    const label = probe.labels[point], domain = probe.domains[point];
    const predicted = scene.frame?.predictions[point] ?? -1;
    const wrong = predicted >= 0 && predicted !== label;
    setText(lines[0], className(probe, label));
    setText(lines[1], predicted < 0 ? "not predicted yet" : `predicted ${className(probe, predicted)}${wrong ? "  ✕" : ""}`);
    lines[1].className = wrong ? "wrong" : "";
    setText(lines[2], `${domain ? "target" : "source"} · step ${formatCount(scene.frame?.step ?? 0)}`);
    lines[2].className = domain ? "target" : "source";
    drawThumbnail(thumbnail, probe, point, THUMBNAIL);
    const [x, y] = where;
    const width = node.offsetWidth, height = node.offsetHeight;
    const left = x + 16 + width > stage.clientWidth ? x - 16 - width : x + 16;
    node.style.transform = `translate(${Math.max(0, left)}px, ${Math.max(0, Math.min(stage.clientHeight - height, y - height / 2))}px)`;
  }
  return { node, show };
}
