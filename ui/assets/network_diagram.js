// The network as boxes and arrows. It is built once; afterwards only numbers change, and in step mode what is lit.
import { applyPalette, instanceFor, setText, whenStyled, element } from "../transfer-learning-lab.player/shared.js";
import { LIT, createStepper, figuresOf, format } from "./network_steps.js";

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
    returns: { toReversal: "M640 89H602", toExtractor: "M514 89H438" },
    numbers: {
      classGradient: [518, 14, "middle"], domainGradient: [546, 148, "middle"], stepGradient: [556, 136, "middle"],
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
    returns: { toReversal: "M311 256V224", toExtractor: "M311 192V150" },
    numbers: {
      classGradient: [120, 182, "start"], domainGradient: [294, 176, "end"], stepGradient: [250, 211, "end"],
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

/** Parts are what step mode lights one by one. */
function asPart(node, name) {
  node.dataset.part = name;
  node.classList.add("part");
  return node;
}

function box(parent, name, [x, y, width, height], title, caption) {
  const group = asPart(shape("g", { class: `box optional ${name}` }, parent), name);
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
    span.textContent = part.text ?? format(null);
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
  const flow = (name, d, colour, parent, tipped = true, extra = "") => asPart(shape("path", {
    d, class: `flow ${extra}`, stroke: `var(--tl-${colour})`, ...(tipped ? { "marker-end": `url(#${tip})` } : {}),
  }, parent), name);

  const sourceSide = shape("g", { class: "optional" }, svg);
  const targetSide = shape("g", { class: "optional" }, svg);
  flow("flow-source", layout.flows.source, "source", sourceSide);
  flow("flow-target", layout.flows.target, "target", targetSide);
  const source = box(sourceSide, "source", layout.source, "source", "labelled");
  const target = box(targetSide, "target", layout.target, "target", "unlabelled");
  const extractor = box(svg, "extractor", layout.extractor, "feature extractor", "…");

  flow("flow-label", layout.flows.label, "soft", svg);
  flow("back-label", layout.backs.label, "label", svg, true, "back");
  box(svg, "label", layout.label, "label predictor");

  const domainSide = shape("g", { class: "optional" }, svg);
  flow("flow-to-reversal", layout.flows.toReversal, "soft", domainSide, false);
  flow("flow-to-domain", layout.flows.toDomain, "soft", domainSide);
  flow("back-domain", layout.backs.domain, "domain", domainSide, true, "back running-only");
  flow("return-to-reversal", layout.returns.toReversal, "domain", domainSide, true, "step-only");
  flow("return-to-extractor", layout.returns.toExtractor, "domain", domainSide, true, "step-only");
  box(domainSide, "domain", layout.domain, "domain classifier");
  const [x, y, width, height] = layout.reversal;
  const layer = asPart(shape("g", {}, domainSide), "reversal");
  shape("rect", { x, y, width, height, rx: 14, fill: "var(--tl-card)", stroke: "var(--tl-domain)", "stroke-width": 2 }, layer);
  const reversal = shape("text", { x: x + width / 2, y: y + 19, "text-anchor": "middle", class: "strong" }, layer);
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
  const stepLine = (parent, where, parts, part) => asPart(place(parent, where, parts, "step-only"), part);
  asPart(place(svg, numbers.classLoss, [{ text: "class loss " }, { slot: "class_loss", strong: true }]), "class-loss");
  asPart(place(domainSide, numbers.domainLoss, [{ text: "domain loss " }, { slot: "domain_loss", strong: true }]), "domain-loss");
  const onSource = [{ text: "source accuracy " }, { slot: "source_accuracy" }];
  const onTarget = [{ text: "target accuracy " }, { slot: "target_accuracy" }];
  const onDomain = [{ text: "domain accuracy " }, { slot: "domain_accuracy" }];
  const onProbe = [{ text: "fresh probe " }, { slot: "probe_domain_accuracy" }];
  const quiet = "soft running-only";
  if (narrow) {
    place(svg, numbers.accuracies, onSource, quiet);
    place(svg, second(numbers.accuracies), onTarget, quiet);
    place(domainSide, numbers.domainAccuracies, onDomain, quiet);
    place(domainSide, second(numbers.domainAccuracies), onProbe, quiet);
  } else {
    place(svg, numbers.accuracies, [...onSource, { text: " · " }, ...onTarget], quiet);
    place(domainSide, numbers.domainAccuracies, [...onDomain, { text: " · " }, ...onProbe], quiet);
  }
  stepLine(svg, numbers.accuracies, [{ text: "right in this batch " }, { slot: "batch_accuracy" }], "batch-class");
  stepLine(domainSide, numbers.domainAccuracies, [{ text: "right in this batch " }, { slot: "batch_domain_accuracy" }], "batch-domain");
  const classGradient = place(svg, numbers.classGradient, [{ text: "gradient " }, { slot: "class_gradient_norm" }]);
  asPart(classGradient, "class-gradient").style.fill = "var(--tl-label)";
  const back = [{ text: "gradient " }, { slot: "domain_gradient_norm" }];
  const inDomainColour = (text) => { text.style.fill = "var(--tl-domain)"; };
  if (narrow) {
    inDomainColour(place(domainSide, numbers.domainGradient, back, "running-only"));
    inDomainColour(place(domainSide, [250, 211, "end"], [{ text: "λ " }, { slot: "grl_lambda" }], "running-only"));
  } else {
    inDomainColour(place(domainSide, numbers.domainGradient, [...back, { text: ", reversed, λ " }, { slot: "grl_lambda" }], "running-only"));
  }
  inDomainColour(stepLine(domainSide, numbers.stepGradient, [{ text: "" }, { slot: "reversal" }], "domain-gradient"));
  const parts = [...svg.querySelectorAll(".part")];
  return { slots, parts, source, target, extractor, sourceSide, targetSide, domainSide };
}

/** Long captions are set smaller until they fit their box. */
function fitCaption(part) {
  part.below.style.fontSize = "";
  const room = part.width - 16;
  const length = part.below.getComputedTextLength();
  if (length > room) part.below.style.fontSize = `${Math.max(7, (12 * room) / length)}px`;
}

function createDiagram(parent, link) {
  const root = element("div", { class: "tl-diagram" });
  const picture = element("div", { class: "picture", role: "img" });
  root.append(picture);
  whenStyled(parent, root);
  const views = [drawing(picture, "wide"), drawing(picture, "narrow")];
  parent.append(root);
  const observer = new ResizeObserver(() => views.forEach((view) => fitCaption(view.extractor)));
  observer.observe(root);
  let state = {};
  const stepper = createStepper(root, { onPhase: show, onNextStep: (step) => link.setTriggerValue("next_step", step) });

  /** Numbers, and which parts are lit: all of them while training runs. */
  function show() {
    const { phase, numbers } = stepper;
    root.classList.toggle("stepping", phase !== null);
    root.dataset.phase = phase ?? "";
    const figures = phase === null ? state : figuresOf(phase, numbers);
    const lit = new Set(phase === null ? [] : LIT[phase]);
    for (const view of views) {
      for (const [name, node] of Object.entries(view.slots)) {
        const value = figures[name];
        setText(node, typeof value === "string" ? value : format(value));
      }
      for (const part of view.parts) part.classList.toggle("lit", lit.has(part.dataset.part));
    }
  }

  return {
    link,
    update({ state: latest, description, palette, steps }) {
      applyPalette(root, palette);
      state = latest;
      stepper.update(steps ?? null);
      show();
      for (const view of views) {
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
      const words = description + spoken("class_loss", "Class loss") + spoken("source_accuracy", "Source accuracy")
        + spoken("target_accuracy", "Target accuracy") + (state.has_domain_classifier ? spoken("domain_accuracy", "Domain accuracy") : "");
      if (picture.getAttribute("aria-label") !== words) picture.setAttribute("aria-label", words);
    },
    destroy() { observer.disconnect(); stepper.destroy(); },
  };
}

export default function ({ data, parentElement, setTriggerValue }) {
  const [diagram, cleanUp] = instanceFor(parentElement, () => createDiagram(parentElement, {}));
  diagram.link.setTriggerValue = setTriggerValue; // the latest: an older call's would speak for a page that is gone
  diagram.update(data);
  return cleanUp;
}
