// Boxes, arrows and words at given places: each keeps its node, and only what differs is touched.
import { applyPalette, element, instanceFor, setText, whenStyled } from "../transfer-learning-lab.player/shared.js";

const SVG = "http://www.w3.org/2000/svg";
let drawings = 0;

function set(node, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (node.getAttribute(name) !== String(value)) node.setAttribute(name, value);
  }
  return node;
}

const shape = (tag, attributes, parent) => {
  const node = set(document.createElementNS(SVG, tag), attributes);
  parent.append(node);
  return node;
};

const colourOf = (role) => `var(--tl-${role})`;

function boxOf(parent) {
  const group = shape("g", { class: "box" }, parent);
  const rect = shape("rect", { rx: 9 }, group), title = shape("text", {}, group), caption = shape("text", { class: "caption" }, group);
  const tip = shape("title", {}, group);
  return {
    group,
    update({ x, y, width, height, role, title: words, caption: below, faint, dashed, tip: said }) {
      set(group, { class: `box ${role}${faint ? " faint" : ""}${dashed ? " dashed" : ""}` });
      set(rect, { x, y, width, height, fill: dashed ? "none" : colourOf(role), stroke: colourOf(role) });
      set(title, { x: x + width / 2, y: y + height / 2 + (below ? -2 : 5) });
      set(caption, { x: x + width / 2, y: y + height / 2 + 14 });
      setText(title, words);
      setText(caption, below);
      setText(tip, said || [words, below].filter(Boolean).join(": "));
    },
  };
}

function arrowOf(parent, marker) {
  const group = shape("g", {}, parent);
  const path = shape("path", { class: "flow" }, group), tip = shape("title", {}, group);
  return {
    group,
    update({ path: d, role, width, back, faint, tip: said }) {
      set(path, {
        d, class: `flow${back ? " back" : ""}${faint ? " faint" : ""}`, stroke: colourOf(role), "stroke-width": width,
        "marker-end": `url(#${marker})`,
      });
      setText(tip, said);
    },
  };
}

function wordsOf(parent) {
  const group = shape("text", {}, parent);
  return {
    group,
    update({ x, y, text, role, anchor, strong }) {
      set(group, { x, y, "text-anchor": anchor, class: strong ? "strong" : "", style: `fill:${colourOf(role)}` });
      setText(group, text);
    },
  };
}

function createScene(parent) {
  const root = element("div", { class: "tl-scene" });
  const picture = element("div", { class: "picture", role: "img" });
  root.append(picture);
  whenStyled(parent, root);
  const svg = shape("svg", { "aria-hidden": "true" }, picture);
  const marker = `tl-scene-tip-${drawings++}`;
  const tip = shape("marker", {
    id: marker, viewBox: "0 0 8 8", refX: 6, refY: 4, markerWidth: 9, markerHeight: 9, orient: "auto", markerUnits: "userSpaceOnUse",
  }, shape("defs", {}, svg));
  shape("path", { d: "M0 0L8 4L0 8z", fill: "context-stroke" }, tip);
  const layers = {
    arrows: { node: shape("g", {}, svg), make: (node) => arrowOf(node, marker), known: new Map() },
    boxes: { node: shape("g", {}, svg), make: boxOf, known: new Map() },
    words: { node: shape("g", {}, svg), make: wordsOf, known: new Map() },
  };
  parent.append(root);
  return {
    update({ scene, palette }) {
      applyPalette(root, palette);
      set(svg, { viewBox: `0 0 ${scene.width} ${scene.height}`, style: `min-width:${scene.least_width}px` });
      for (const [name, layer] of Object.entries(layers)) {
        const wanted = new Set(scene[name].map((one) => one.id));
        for (const [id, part] of layer.known) {
          if (!wanted.has(id)) { part.group.remove(); layer.known.delete(id); }
        }
        for (const one of scene[name]) {
          if (!layer.known.has(one.id)) layer.known.set(one.id, layer.make(layer.node));
          layer.known.get(one.id).update(one);
        }
      }
      if (picture.getAttribute("aria-label") !== scene.description) picture.setAttribute("aria-label", scene.description);
    },
    destroy() {},
  };
}

export default function ({ data, parentElement }) {
  const [scene, cleanUp] = instanceFor(parentElement, () => createScene(parentElement));
  scene.update(data);
  return cleanUp;
}
