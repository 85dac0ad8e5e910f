// The feature-space player. `createPlayer(root, {onState, onResend})` knows nothing of Streamlit: give it messages with
// `.update(data)`, in a page, a notebook or an exported file.
import { applyPalette, element, formatCount, setText } from "./shared.js";
import { createFilm } from "./player_film.js";
import { createPanels } from "./player_panels.js";
import { createTimebar } from "./player_timebar.js";

const FRAME_MILLISECONDS = 500;
const STEP_MILLISECONDS = 260;
const REARRANGE_MILLISECONDS = 700;
const LOOP_PAUSE = 1200;
const SETTLE_MILLISECONDS = 350;
const RESEND_PATIENCE = 4000;

const COLOURINGS = ["domain", "class", "correctness", "prediction"];

/** Slow at each frame, quicker between: the eye gets a moment to read every frame, yet nothing halts. */
function eased(fraction) {
  return 0.45 * fraction + 0.55 * fraction * fraction * (3 - 2 * fraction);
}

export function createPlayer(root, { onState = () => {}, onResend = () => {} } = {}) {
  const film = createFilm();
  const reducedMotion = window.matchMedia("(prefers-reduced-motion: reduce)");
  // position: where we are on the timeline, as a real number of frames. motion: where we are going, and how fast.
  const play = { position: 0, motion: null, speed: 1, following: true, colourBy: "domain", highlight: null, lastStep: null };
  let message = null;
  let palette = null;
  let scheduled = 0;
  let before = 0;
  let settle = 0;
  let loopTimer = 0;
  let asked = { answers: -1, at: -Infinity };
  let destroyed = false;

  const badge = element("span", { class: "badge", hidden: true });
  const legend = createLegend();
  const panels = createPanels({ film, wake, onHighlight: (index) => { play.highlight = index; } });
  const timebar = createTimebar({
    onToggle: toggle, onStep: stepBy, onSeek: seek, onSeekEnd: snap, onSpeed: (speed) => { play.speed = speed; if (play.motion?.kind === "play") startPlaying(); },
    onProjection: (projection) => report({ projection }, 0), onLive: goLive,
  });
  root.classList.add("tl-player");
  root.append(element("div", { class: "legend" }, legend.node), panels.node, timebar.node);
  root.addEventListener("keydown", onKey);

  const last = () => Math.max(0, film.timeline.length - 1);
  const stepAt = (position) => film.timeline[Math.round(position)] ?? 0;

  function createLegend() {
    const noun = element("span", {}, "Each dot is a picture: ");
    const source = element("span", { class: "key" }, element("i", { class: "mark source" }), "source");
    const target = element("span", { class: "key" }, element("i", { class: "mark target" }), "target");
    const buttons = COLOURINGS.map((name) => element("button", {
      type: "button", "aria-pressed": "false", onclick: () => { setColour(name); report({}, 0); },
    }, name));
    const extra = element("span", { class: "extra" });
    const missing = element("span", { class: "missing", hidden: true });
    const node = element("div", { class: "words" }, element("span", { class: "said" }, noun, source, ", ", target, "."),
      element("span", { class: "colours", role: "group", "aria-label": "Colour by" }, "Colour by ", ...buttons), badge, extra, missing);
    let shownFor = "";
    return {
      node,
      refresh() {
        const probe = film.probe;
        setText(noun, probe && !probe.sprite ? "Each dot is a point: " : "Each dot is a picture: ");
        node.dataset.colour = play.colourBy;
        buttons.forEach((button, index) => button.setAttribute("aria-pressed", String(COLOURINGS[index] === play.colourBy)));
        const state = `${play.colourBy}|${probe?.id}|${root.dataset.scheme}`;
        if (state !== shownFor && palette) {
          shownFor = state;
          extra.replaceChildren(...extraKeys(probe));
        }
        const count = Math.max(0, ...film.panels.map((panel) => panel.frames.at(-1)?.missing ?? 0));
        missing.hidden = !count;
        if (count) setText(missing, `${formatCount(count)} ${count === 1 ? "point has" : "points have"} no place in the latest frame (not a number).`);
      },
    };
  }

  function extraKeys(probe) {
    const key = (kind, colour, text) => {
      const mark = element("i", { class: `mark ${kind}` });
      mark.style.setProperty("--colour", colour);
      return element("span", { class: "key" }, mark, text);
    };
    if (play.colourBy === "correctness") return [key("dot", palette.correct, "correct"), key("cross", palette.wrong, "wrong")];
    if (play.colourBy === "domain" || !probe) return [];
    const shown = probe.classNames.slice(0, 24);
    const keys = shown.map((name, index) => key("dot", palette.classes[index % palette.classes.length], name));
    if (probe.classNames.length > shown.length) keys.push(element("span", {}, `and ${probe.classNames.length - shown.length} more`));
    return keys;
  }

  // ---- motion ------------------------------------------------------------------------------------------------------

  function moveTo(goal, kind, rate) {
    clearTimeout(loopTimer);
    play.motion = { goal: Math.min(last(), Math.max(0, goal)), kind, rate };
    wake();
  }
  const startPlaying = () => moveTo(last(), "play", play.speed / FRAME_MILLISECONDS);
  function follow() {
    play.following = true;
    const rest = last() - play.position;
    moveTo(last(), "follow", Math.max(1, rest) / (FRAME_MILLISECONDS + 100));
  }

  function toggle() {
    if (play.motion?.kind === "play") { pause(); return; }
    if (play.position >= last() - 1e-6) play.position = 0;
    play.following = false;
    startPlaying();
  }
  function pause() {
    const direction = Math.ceil(play.position - 1e-6);
    moveTo(direction, "step", 1 / STEP_MILLISECONDS);
    play.following = direction >= last();
    report({});
  }
  function stepBy(count) {
    const from = play.motion?.kind === "step" ? play.motion.goal : play.position;
    const goal = count > 0 ? Math.floor(from + 1e-6) + count : Math.ceil(from - 1e-6) + count;
    jump(goal);
  }
  function jump(goal) {
    const aim = Math.min(last(), Math.max(0, goal));
    play.following = aim >= last();
    moveTo(aim, "step", Math.max(1, Math.abs(aim - play.position)) / STEP_MILLISECONDS);
    report({});
  }
  function seek(position) {
    clearTimeout(loopTimer);
    play.motion = null;
    play.position = Math.min(last(), Math.max(0, position));
    play.following = play.position >= last() - 1e-3;
    wake();
  }
  function snap() { jump(Math.round(play.position)); }
  function goLive() { follow(); report({}); }

  function advance(elapsed) {
    const motion = play.motion;
    if (!motion) return false;
    if (motion.kind === "play" || motion.kind === "follow") motion.goal = last();
    const rest = motion.goal - play.position;
    const reach = motion.rate * elapsed;
    if (reducedMotion.matches && motion.kind !== "play") play.position = motion.goal;
    else play.position += Math.sign(rest) * Math.min(Math.abs(rest), reach);
    if (Math.abs(motion.goal - play.position) > 1e-6) return true;
    play.position = motion.goal;
    play.motion = null;
    if (motion.kind === "play") {
      play.following = true;
      if (message?.loop && !message.live && !reducedMotion.matches) {
        loopTimer = setTimeout(() => { play.position = 0; startPlaying(); }, LOOP_PAUSE);
      }
    }
    return false;
  }

  function momentNow() {
    let position = Math.min(play.position, last());
    if (reducedMotion.matches) position = Math.floor(position + 1e-6);
    const index = Math.floor(position);
    const a = film.timeline[index] ?? 0;
    return { a, b: film.timeline[index + 1] ?? a, fraction: eased(position - index) };
  }

  function wake() {
    if (!scheduled && !destroyed) scheduled = requestAnimationFrame(tick);
  }
  function tick(now) {
    scheduled = 0;
    const elapsed = before ? Math.min(100, now - before) : 16;
    const moving = advance(elapsed);
    const drawing = panels.draw({
      moment: momentNow(), colourBy: play.colourBy, palette, highlight: play.highlight, now, elapsed, calm: reducedMotion.matches,
    });
    showState();
    before = moving || drawing ? now : 0;
    if (moving || drawing) wake();
  }

  function showState() {
    const step = stepAt(play.position);
    const playing = play.motion?.kind === "play";
    timebar.show({
      position: play.position, timeline: film.timeline, total: message?.total_steps ?? film.timeline.at(-1) ?? 0, step, playing,
      live: Boolean(message?.live), following: play.following, curves: message?.curves ?? [], palette,
    });
    const facts = {
      step, playing, frameCount: film.panels.map((panel) => panel.frames.length).join(","), colourBy: play.colourBy,
      following: play.following, live: Boolean(message?.live), position: play.position.toFixed(3), zoom: panels.zooms(),
    };
    for (const [name, value] of Object.entries(facts)) if (root.dataset[name] !== String(value)) root.dataset[name] = String(value);
  }

  // ---- what the viewer does ------------------------------------------------------------------------------------------

  function setColour(name) {
    if (!COLOURINGS.includes(name)) return;
    play.colourBy = name;
    legend.refresh();
    wake();
  }

  /** Tell the outside where the viewer is, once they have come to rest. */
  function report(change, delay = SETTLE_MILLISECONDS) {
    clearTimeout(settle);
    Object.assign(pending, change);
    settle = setTimeout(() => {
      const position = play.motion && play.motion.kind !== "play" ? play.motion.goal : play.position;
      const resting = play.motion?.kind !== "play" && !(message?.live && play.following);
      onState({
        projection: pending.projection ?? message?.view.projection, colour_by: play.colourBy, step: resting ? stepAt(position) : null,
      });
    }, delay);
  }
  const pending = {};

  function onKey(event) {
    const target = event.composedPath()[0];
    if (event.ctrlKey || event.metaKey || event.altKey || target.tagName === "SELECT") return;
    const onButton = target.tagName === "BUTTON" && !target.classList.contains("play");
    const actions = {
      " ": onButton ? null : toggle, ArrowLeft: () => stepBy(-1), ArrowRight: () => stepBy(1), Home: () => jump(0), End: () => jump(last()),
    };
    const action = actions[event.key];
    if (!action) return;
    event.preventDefault();
    event.stopPropagation();
    action();
  }

  // ---- messages --------------------------------------------------------------------------------------------------------

  function update(data) {
    const first = message === null;
    // A projection without frames yet leaves the timeline empty for a while: the step is remembered over it.
    if (film.timeline.length) play.lastStep = stepAt(play.position);
    const wasEmpty = film.timeline.length === 0;
    const wasMoving = play.motion?.kind === "play";
    message = data;
    palette = applyPalette(root, data.palette);
    const outcome = film.apply(data);
    if (outcome.gap) askAgain();
    if (first) play.colourBy = COLOURINGS.includes(data.view.colour_by) ? data.view.colour_by : "domain";
    if (pending.projection === data.view.projection) delete pending.projection;
    panels.arrange(data.height, outcome.replaced, reducedMotion.matches || wasEmpty || outcome.newProbe ? 0 : REARRANGE_MILLISECONDS);
    panels.recolour();
    timebar.setProjections(data.projections, pending.projection ?? data.view.projection);
    timebar.refresh();
    root.dataset.projection = data.view.projection;
    badge.hidden = !data.badge;
    setText(badge, data.badge ?? "");
    legend.refresh();
    place(data, play.lastStep, play.lastStep === null || outcome.newRuns, wasMoving);
    wake();
  }

  /** Where to be after a message: stay at the step one was looking at; follow a live film; begin a new one. */
  function place(data, stepBefore, fresh, wasMoving) {
    if (!film.timeline.length) return;
    const nearest = (step) => film.timeline.reduce(
      (best, value, index) => (Math.abs(value - step) < Math.abs(film.timeline[best] - step) ? index : best), 0);
    if (fresh) {
      play.motion = null;
      clearTimeout(loopTimer);
      if (data.live) { play.position = last(); play.following = true; return; }
      if (Number.isFinite(data.view.step) && !data.autoplay) { play.position = nearest(data.view.step); play.following = false; return; }
      const starts = data.autoplay && !reducedMotion.matches && last() > 0;
      play.position = starts ? 0 : last();
      play.following = !starts;
      if (starts) loopTimer = setTimeout(startPlaying, 500);
      return;
    }
    if (!play.motion && !play.following) play.position = nearest(stepBefore);
    if (wasMoving) return;
    if (play.following && play.position < last()) {
      if (data.live || play.motion?.kind === "follow") follow();
      else play.position = last();
    }
    play.position = Math.min(play.position, last());
  }

  function askAgain() {
    const now = performance.now();
    if (asked.answers === message.answers && now - asked.at < RESEND_PATIENCE) return;
    asked = { answers: message.answers, at: now };
    root.dataset.resends = String(Number(root.dataset.resends ?? 0) + 1);
    onResend(root.dataset.resends);
  }

  return {
    update,
    destroy() {
      destroyed = true;
      cancelAnimationFrame(scheduled);
      clearTimeout(settle);
      clearTimeout(loopTimer);
      panels.destroy();
    },
  };
}
