// The network as boxes and arrows. It is built once; afterwards only numbers change.
import { applyPalette, instanceFor, setText, whenStyled, element } from "../transfer-learning-lab.player/shared.js";

const DASH = "–";

// Two drawings of the same network, one for wide windows and one for telephones; CSS shows the one that fits.
const LAYOUTS = {
  wide: {
    viewBox: "14 0 1076 152",
    source: [16, 20, 112, 42], target: [16, 82, 112, 42], extractor: [204, 34, 230, 76],
    label: [600, 24, 176, 44], reversal: [514, 84, 84, 28], domain: [640, 76, 176, 44],
    flows: {
      source: "M128 41H200", target: "M128 103H200", label: "M434 50H596", toReversal: "M434 98H514", toDomain: "M598 98H636",
    },
    backs: { label: "M600 32C548 14 492 14 438 36", domain: "M664 122C600 142 500 140 438 110" },
    numbers: {
      classGradient: [518, 14, "middle"], domainGradient: [546, 148, "middle"],
      classLoss: [790, 40, "start"], accuracies: [790, 58, "start"],
      domainLoss: [830, 94, "start"], domainAccuracies: [830, 112, "start"],
    },
  },
  narrow: {
    viewBox: "0 0 400 364",
    source: [34, 4, 136, 42], target: [230, 4, 136, 42], extractor: [60, 84, 280, 62],
    label: [10, 236, 164, 44], reversal: [258, 192, 84, 28], domain: [218, 256, 164, 44],
    flows: {
      source: "M102 46C102 62 140 62 140 80", target: "M298 46C298 62 260 62 260 80",
      label: "M112 146V232", toReversal: "M300 146V192", toDomain: "M300 220V252",
    },
    backs: { label: "M32 236C16 196 40 168 70 150", domain: "M372 256C392 206 366 168 332 150" },
    numbers: {
      classGradient: [120, 182, "start"], domainGradient: [300, 176, "middle"],
      classLoss: [14, 302, "start"], accuracies: [14, 320, "start", 1],
      domainLoss: [222, 322, "start"], domainAccuracies: [222, 340, "start", 1],
    },
  },
};

function shape(tag, attributes, parent) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  parent.append(node);
  return node;
}

function box(parent, name, [x, y, width, height], title, caption) {
  const group = shape("g", { class: `box optional ${name}` }, parent);
  shape("rect", { x, y, width, height, rx: name === "extractor" ? 12 : 9, fill: `var(--tl-${name})` }, group);
  const middle = y + height / 2;
  const head = shape("text", { x: x + width / 2, y: middle + (caption ? -3 : 5) }, group);
  head.textContent = title;
  const below = caption ? shape("text", { class: "caption", x: x + width / 2, y: middle + 14 }, group) : null;
  return { group, below, width };
}

/** A line of text of which single words change: the words are nodes of their own. */
function line(parent, [x, y, anchor], parts, classes = "") {
  const text = shape("text", { x, y, "text-anchor": anchor, class: classes }, parent);
  const slots = {};
  for (const part of parts) {
    const span = shape("tspan", part.strong ? { class: "strong" } : {}, text);
    span.textContent = part.text ?? DASH;
    if (part.slot) { slots[part.slot] = span; span.dataset.slot = part.slot; }
  }
  return { text, slots };
}

let drawings = 0;

function drawing(root, name) {
  const layout = LAYOUTS[name];
  const svg = shape("svg", { viewBox: layout.viewBox, class: name, "aria-hidden": "true" }, root);
  const tip = `tl-tip-${name}-${drawings++}`;
  const marker = shape("marker", { id: tip, viewBox: "0 0 8 8", refX: 6, refY: 4, markerWidth: 6.5, markerHeight: 6.5, orient: "auto" }, shape("defs", {}, svg));
  shape("path", { d: "M0 0L8 4L0 8z", fill: "context-stroke" }, marker);
  const flow = (d, colour, parent, tipped = true, extra = "") => shape("path", {
    d, class: `flow ${extra}`, stroke: `var(--tl-${colour})`, ...(tipped ? { "marker-end": `url(#${tip})` } : {}),
  }, parent);

  const sourceSide = shape("g", { class: "optional" }, svg);
  const targetSide = shape("g", { class: "optional" }, svg);
  flow(layout.flows.source, "source", sourceSide);
  flow(layout.flows.target, "target", targetSide);
  const source = box(sourceSide, "source", layout.source, "source", "labelled");
  const target = box(targetSide, "target", layout.target, "target", "unlabelled");
  const extractor = box(svg, "extractor", layout.extractor, "feature extractor", "…");

  flow(layout.flows.label, "soft", svg);
  flow(layout.backs.label, "label", svg, true, "back");
  box(svg, "label", layout.label, "label predictor");

  const domainSide = shape("g", { class: "optional" }, svg);
  flow(layout.flows.toReversal, "soft", domainSide, false);
  flow(layout.flows.toDomain, "soft", domainSide);
  flow(layout.backs.domain, "domain", domainSide, true, "back");
  box(domainSide, "domain", layout.domain, "domain classifier");
  const [x, y, width, height] = layout.reversal;
  shape("rect", { x, y, width, height, rx: 14, fill: "var(--tl-card)", stroke: "var(--tl-domain)", "stroke-width": 2 }, domainSide);
  const reversal = shape("text", { x: x + width / 2, y: y + 19, "text-anchor": "middle", class: "strong" }, domainSide);
  reversal.style.fill = "var(--tl-domain)";
  reversal.textContent = "× −λ";

  const slots = {};
  const numbers = layout.numbers;
  const place = (parent, where, parts, classes) => {
    const made = line(parent, where, parts, classes);
    Object.assign(slots, made.slots);
    return made.text;
  };
  const narrow = name === "narrow";
  const second = (where) => [where[0], where[1] + 18, where[2]];
  place(svg, numbers.classLoss, [{ text: "class loss " }, { slot: "class_loss", strong: true }]);
  const onSource = [{ text: "source accuracy " }, { slot: "source_accuracy" }];
  const onTarget = [{ text: "target accuracy " }, { slot: "target_accuracy" }];
  const onDomain = [{ text: "domain accuracy " }, { slot: "domain_accuracy" }];
  const onProbe = [{ text: "fresh probe " }, { slot: "probe_domain_accuracy" }];
  place(domainSide, numbers.domainLoss, [{ text: "domain loss " }, { slot: "domain_loss", strong: true }]);
  if (narrow) {
    place(svg, numbers.accuracies, onSource, "soft");
    place(svg, second(numbers.accuracies), onTarget, "soft");
    place(domainSide, numbers.domainAccuracies, onDomain, "soft");
    place(domainSide, second(numbers.domainAccuracies), onProbe, "soft");
  } else {
    place(svg, numbers.accuracies, [...onSource, { text: " · " }, ...onTarget], "soft");
    place(domainSide, numbers.domainAccuracies, [...onDomain, { text: " · " }, ...onProbe], "soft");
  }
  place(svg, numbers.classGradient, [{ text: "gradient " }, { slot: "class_gradient_norm" }]).style.fill = "var(--tl-label)";
  const back = [{ text: "gradient " }, { slot: "domain_gradient_norm" }];
  if (narrow) {
    place(domainSide, numbers.domainGradient, back).style.fill = "var(--tl-domain)";
    const lambda = place(domainSide, [250, 211, "end"], [{ text: "λ " }, { slot: "grl_lambda" }]);
    lambda.style.fill = "var(--tl-domain)";
  } else {
    place(domainSide, numbers.domainGradient, [...back, { text: ", reversed, λ " }, { slot: "grl_lambda" }]).style.fill = "var(--tl-domain)";
  }
  return { slots, source, target, extractor, sourceSide, targetSide, domainSide };
}

/** Two decimals where they say something; small numbers keep two significant figures. */
function format(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return DASH;
  const size = Math.abs(value);
  if (size >= 1000 || (size > 0 && size < 0.0005)) return value.toExponential(1).replace("e+", "e");
  if (size >= 100) return value.toFixed(0);
  if (size > 0 && size < 0.01) return value.toFixed(4);
  return value.toFixed(2);
}

/** Long captions are set smaller until they fit their box. */
function fitCaption(part) {
  part.below.style.fontSize = "";
  const room = part.width - 16;
  const length = part.below.getComputedTextLength();
  if (length > room) part.below.style.fontSize = `${Math.max(7, (12 * room) / length)}px`;
}

function createDiagram(parent) {
  const root = element("div", { class: "tl-diagram", role: "img" });
  whenStyled(parent, root);
  const views = [drawing(root, "wide"), drawing(root, "narrow")];
  parent.append(root);
  const observer = new ResizeObserver(() => views.forEach((view) => fitCaption(view.extractor)));
  observer.observe(root);

  return {
    update({ state, description, palette }) {
      applyPalette(root, palette);
      for (const view of views) {
        for (const [name, node] of Object.entries(view.slots)) setText(node, format(state[name]));
        setText(view.source.below, state.source_used ? "labelled" : "not used");
        setText(view.target.below, state.target_labelled ? "labelled" : state.has_domain_classifier ? "unlabelled" : "only measured");
        view.sourceSide.classList.toggle("faint", !state.source_used);
        view.targetSide.classList.toggle("faint", !state.target_labelled && !state.has_domain_classifier);
        view.domainSide.classList.toggle("hidden", !state.has_domain_classifier);
        if (view.extractor.below.textContent !== state.extractor_caption) {
          setText(view.extractor.below, state.extractor_caption);
          fitCaption(view.extractor);
        }
      }
      const spoken = (name, label) => (Number.isFinite(state[name]) ? ` ${label} ${format(state[name])}.` : "");
      root.setAttribute("aria-label", description + spoken("class_loss", "Class loss") + spoken("source_accuracy", "Source accuracy")
        + spoken("target_accuracy", "Target accuracy") + (state.has_domain_classifier ? spoken("domain_accuracy", "Domain accuracy") : ""));
    },
    destroy() { observer.disconnect(); },
  };
}

export default function ({ data, parentElement }) {
  const [diagram, cleanUp] = instanceFor(parentElement, () => createDiagram(parentElement));
  diagram.update(data);
  return cleanUp;
}
