// Step mode: one training step, one phase at a time. Which parts of the network act, their numbers, and the stepper.
import { element, formatCount, setText } from "../transfer-learning-lab.player/shared.js";

const PATIENCE = 5000; // milliseconds until one may ask again for a step that has not come

/** The parts that act in each phase. */
export const LIT = {
  forward: [
    "source", "target", "flow-source", "flow-target", "extractor", "flow-label", "label", "flow-to-reversal", "reversal",
    "flow-to-domain", "domain", "class-loss", "domain-loss", "batch-class", "batch-domain",
  ],
  class_gradient: ["label", "back-label", "class-gradient", "class-loss"],
  domain_gradient: ["domain", "return-to-reversal", "domain-gradient", "domain-loss"],
  reversal: ["reversal", "return-to-extractor", "domain-gradient"],
  update: ["extractor", "label", "domain", "class-loss", "domain-loss"],
};
const ORDER = Object.keys(LIT);

const DASH = "–";

/** Two decimals where they say something; small numbers keep two significant figures. */
export function format(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return DASH;
  const size = Math.abs(value);
  if (size >= 1000 || (size > 0 && size < 0.0005)) return value.toExponential(1).replace("e+", "e");
  if (size >= 100) return value.toFixed(0);
  if (size > 0 && size < 0.01) return value.toFixed(4);
  return value.toFixed(2);
}

const percent = (share) => (Number.isFinite(share) ? `${Math.round(100 * share)} %` : DASH);

function fromTo(before, after) {
  if (!Number.isFinite(before) || !Number.isFinite(after)) return DASH;
  const decimals = [2, 3, 4].find((count) => before.toFixed(count) !== after.toFixed(count)) ?? 3;
  return `${before.toFixed(decimals)} → ${after.toFixed(decimals)}`;
}

/** The diagram's numbers in a phase: those known by then, all of this batch. */
export function figuresOf(phase, numbers) {
  const { forward = {}, class_gradient: classes = {}, domain_gradient: domains = {}, reversal = {}, update = {} } = numbers;
  const reached = (name) => ORDER.indexOf(phase) >= ORDER.indexOf(name);
  const before = domains.domain_gradient_norm_before_reversal;
  return {
    class_loss: phase === "update" ? fromTo(forward.class_loss, update.class_loss_after) : forward.class_loss,
    domain_loss: phase === "update" ? fromTo(forward.domain_loss, update.domain_loss_after) : forward.domain_loss,
    batch_accuracy: percent(forward.training_accuracy),
    batch_domain_accuracy: percent(forward.training_domain_accuracy),
    class_gradient_norm: reached("class_gradient") ? classes.class_gradient_norm : null,
    reversal: !reached("domain_gradient") || before === undefined ? `gradient ${DASH}`
      : !reached("reversal") ? `gradient ${format(before)}`
      : reversal.grl_lambda ? `${format(before)} × −${format(reversal.grl_lambda)} = −${format(reversal.domain_gradient_norm)}`
      : `${format(before)} × 0 = 0`,
  };
}

/** The row under the picture: phases, Back and Next, and what happens in words. */
export function createStepper(root, { onPhase, onNextStep }) {
  const title = element("span", { class: "step-title" });
  const chips = element("ol", { class: "phases" });
  const back = element("button", { type: "button", class: "turn", onclick: () => turn(-1), title: "Back (b or ←)" }, "Back");
  const next = element("button", { type: "button", class: "turn main", onclick: () => turn(1), title: "Next (n or →)" }, "Next");
  const words = element("p", { class: "words", "aria-live": "polite" });
  const room = element("div", { class: "room" }, words); // as high as the longest passage, so that nothing jumps
  const panel = element(
    "div", { class: "stepper", role: "group", "aria-label": "A training step, phase by phase", hidden: true },
    element("div", { class: "step-bar" }, title, chips, element("span", { class: "turns" }, back, next)), room,
  );
  root.append(panel);
  root.addEventListener("keydown", pressed);

  let steps = null;
  let index = 0;
  let waitingFor = null; // the step after which another one was asked for
  let timer = 0;
  let drawn = ""; // what the chips were made of

  const self = {
    /** The name of the phase shown, or null outside step mode. */
    get phase() { return steps?.phases[index]?.name ?? null; },
    get numbers() { return steps?.numbers ?? {}; },
    update(latest) {
      if (latest?.step !== steps?.step || latest?.phases.length !== steps?.phases.length) {
        index = 0;
        waitingFor = null;
        clearTimeout(timer);
      }
      steps = latest;
      draw();
    },
    destroy() { clearTimeout(timer); },
  };

  function turn(by) {
    if (!steps) return;
    const wanted = index + by;
    if (wanted >= steps.phases.length) {
      if (waitingFor !== null) return;
      waitingFor = steps.step;
      timer = setTimeout(() => { waitingFor = null; draw(); }, PATIENCE);
      onNextStep(steps.step);
      draw();
    } else if (wanted >= 0) {
      go(wanted);
    }
  }

  function go(wanted) {
    index = wanted;
    draw();
    onPhase();
  }

  function pressed(event) {
    if (!steps || event.altKey || event.ctrlKey || event.metaKey) return;
    const by = { n: 1, ArrowRight: 1, b: -1, ArrowLeft: -1 }[event.key];
    if (!by) return;
    event.preventDefault();
    event.stopPropagation(); // Streamlit and the player have keys of their own
    turn(by);
  }

  function draw() {
    const has = steps !== null;
    panel.hidden = !has;
    if (has) root.setAttribute("tabindex", "0");
    else root.removeAttribute("tabindex");
    if (!has) return;
    const { phases } = steps;
    setText(title, phases.length ? `Step ${formatCount(steps.step)}` : "Paused");
    const made = JSON.stringify(phases);
    if (made !== drawn) {
      drawn = made;
      chips.replaceChildren(...phases.map((phase, at) => element("li", {}, element(
        "button", { type: "button", class: "phase", "data-name": phase.name, onclick: () => go(at) }, `${at + 1} ${phase.title}`,
      ))));
      room.replaceChildren(words, ...phases.map((phase) => element("p", { class: "words ghost", "aria-hidden": "true" }, phase.words)));
    }
    [...chips.children].forEach((item, at) => {
      const chip = item.firstChild;
      chip.classList.toggle("done", at < index);
      if (at === index) chip.setAttribute("aria-current", "step");
      else chip.removeAttribute("aria-current");
    });
    setText(words, phases.length ? phases[index].words : steps.invitation);
    const last = index >= phases.length - 1;
    setText(next, last ? "Next step" : "Next");
    next.setAttribute("aria-disabled", String(waitingFor !== null)); // stays in focus, unlike a disabled button
    back.setAttribute("aria-disabled", String(index === 0));
    back.hidden = !phases.length;
  }

  return self;
}
