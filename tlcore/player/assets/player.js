// The feature-space player. `createPlayer(root, {onState, onResend})` knows nothing of Streamlit: give it messages with
// `.update(data)`, in a page, a notebook or an exported file.
import { applyPalette, element, setText } from "./shared.js";
import { createDrawer } from "./player_drawer.js";
import { createFilm, latestAt } from "./player_film.js";
import { createInfo } from "./player_info.js";
import { createLecture } from "./player_lecture.js";
import { createLegend } from "./player_legend.js";
import { createMotion } from "./player_motion.js";
import { createPanels } from "./player_panels.js";
import { canColour, COLOURINGS } from "./player_styles.js";
import { createTimebar } from "./player_timebar.js";

const REARRANGE_MILLISECONDS = 700;
const SETTLE_MILLISECONDS = 350;
const DRAWER_MILLISECONDS = 120;
const RESEND_PATIENCE = 4000;

export function createPlayer(root, { onState = () => {}, onResend = () => {} } = {}) {
  const film = createFilm();
  const reducedMotion = window.matchMedia("(prefers-reduced-motion: reduce)");
  let loops = null; // what the viewer has chosen, null as long as they have not
  let lastStep = null;
  // What the viewer has chosen to see. hidden: for each colouring the words of the legend that are switched off.
  const look = {
    colourBy: "domain", highlight: null, selected: new Set(), names: false, contours: false, lassoing: false, version: 0,
    hidden: Object.fromEntries(COLOURINGS.map((name) => [name, new Set()])),
  };
  let message = null;
  let palette = null;
  let scheduled = 0;
  let before = 0;
  let settle = 0;
  let drawerTimer = 0;
  let asked = { answers: -1, at: -Infinity };
  let destroyed = false;

  const legend = createLegend({ colour: (name) => { setColour(name); report({}, 0); }, hide, switch: switchOver });
  const drawer = createDrawer({ select, highlight });
  const info = createInfo();
  const lecture = createLecture(root, { onChange: lectureChanged });
  const looping = () => loops ?? Boolean(message?.loop);
  const motion = createMotion({
    film, wake, report: () => report({}), reduced: reducedMotion,
    settings: () => ({ loop: looping(), live: Boolean(message?.live), lecture: lecture.on, captions: message?.captions ?? [] }),
  });
  const panels = createPanels({ film, wake, actions: { highlight, select, toggle: togglePoint, lassoing: () => look.lassoing } });
  const timebar = createTimebar({
    onToggle: motion.toggle, onStep: motion.stepBy, onSeek: motion.seek, onSeekEnd: motion.snap, onSpeed: motion.setSpeed,
    onProjection: (projection) => report({ projection }, 0), onLive: motion.goLive, onLoop: () => setLoop(!looping()), onLasso: () => setLasso(!look.lassoing),
    onLecture: () => lecture.set(!lecture.on), onInfo: () => timebar.press("info", info.toggle()),
  });
  root.classList.add("tl-player");
  root.append(element("div", { class: "legend" }, legend.node), panels.node, timebar.node, info.node, drawer.node, ...lecture.nodes);
  root.addEventListener("keydown", onKey);
  window.addEventListener("keydown", onPageKey);
  // A confusion matrix elsewhere in the page, or a file, may ask for the points of one of its cells.
  window.addEventListener("tl:select-cell", onCell);

  function wake() {
    if (scheduled || destroyed) return;
    scheduled = requestAnimationFrame(tick);
    setFact("moving", true);
  }
  function tick(now) {
    scheduled = 0;
    const elapsed = before ? Math.min(100, now - before) : 16;
    const moving = motion.advance(elapsed, now);
    const drawing = panels.draw(viewAt(now, elapsed));
    showState();
    refreshDrawer();
    before = moving || drawing ? now : 0;
    if (moving || drawing) wake();
    else setFact("moving", false);
  }

  /** Everything a panel needs to know to draw itself. */
  function viewAt(now, elapsed) {
    return {
      ...look, moment: motion.momentNow(), palette, now, elapsed, calm: reducedMotion.matches, lecture: lecture.on, font: fontFamily,
      styleKey: `${look.colourBy} ${look.version} ${root.dataset.scheme} ${lecture.on}`, pairOf, runColour,
      swaying: motion.playing && !reducedMotion.matches,
    };
  }
  const fontFamily = getComputedStyle(root).fontFamily || "system-ui, sans-serif";
  const runColour = (panel) => palette.classes[Math.max(0, film.panels.indexOf(panel)) % palette.classes.length];

  /** Which two frames "change" compares: with several runs the first run's and this one's, else the one before and this. */
  function pairOf(panel, frame) {
    const place = film.panels.indexOf(panel);
    if (film.panels.length > 1) {
      const other = latestAt(film.panels[place ? 0 : 1].frames, frame.step) ?? frame;
      return place ? { before: other, after: frame } : { before: frame, after: other };
    }
    return { before: panel.frames[panel.frames.indexOf(frame) - 1] ?? frame, after: frame };
  }

  function showState() {
    const { step, playing, following, position } = motion;
    timebar.show({
      position, timeline: film.timeline, total: message?.total_steps ?? film.timeline.at(-1) ?? 0, step, playing,
      live: Boolean(message?.live), following, curves: message?.curves ?? [], palette,
    });
    lecture.show(message?.captions ?? [], step, message?.total_steps ?? film.timeline.at(-1) ?? 0);
    const facts = {
      step, playing, frameCount: film.panels.map((panel) => panel.frames.length).join(","), colourBy: look.colourBy,
      selected: look.selected.size, dimensions: film.panels[0]?.frames[0]?.dimensions ?? 2,
      following, live: Boolean(message?.live), position: position.toFixed(3), zoom: panels.zooms(),
    };
    for (const [name, value] of Object.entries(facts)) setFact(name, value);
  }
  /** What others may know of the player stands on its node: style sheets, readers of the page, tests. */
  function setFact(name, value) {
    if (root.dataset[name] !== String(value)) root.dataset[name] = String(value);
  }

  // ---- what the viewer does ------------------------------------------------------------------------------------------

  function setColour(name) {
    if (!canColour(film.probe, name)) return;
    look.colourBy = name;
    changed();
  }
  /** The legend and the picture follow what the viewer has chosen. */
  function changed() {
    look.version += 1;
    legend.refresh({ ...look, film, palette, scheme: root.dataset.scheme });
    wake();
  }
  function hide(kind, value, alone = false) {
    const set = look.hidden[kind];
    if (alone) {
      const all = kind === "class" || kind === "prediction" ? film.probe.classNames.map((_, index) => index)
        : kind === "domain" ? [0, 1] : kind === "correctness" ? ["correct", "wrong", "unknown"] : ["gained", "lost", "moved", "same"];
      set.clear();
      for (const other of all) if (other !== value) set.add(other);
    } else if (!set.delete(value)) set.add(value);
    changed();
  }
  function switchOver(name) {
    look[name] = !look[name];
    changed();
  }
  function highlight(point) {
    if (look.highlight === point) return;
    look.highlight = point;
    wake();
  }
  function select(points, add) {
    const chosen = new Set(add ? [...look.selected, ...points] : points);
    if (!chosen.size && !look.selected.size) return;
    look.selected = chosen;
    changed();
    refreshDrawer(true);
    report({}, 0);
  }
  function togglePoint(point, more) {
    if (!more) { select(look.selected.size === 1 && look.selected.has(point) ? [] : [point], false); return; }
    const chosen = new Set(look.selected);
    if (!chosen.delete(point)) chosen.add(point);
    select([...chosen], false);
  }
  function setLoop(on) {
    loops = on;
    timebar.press("loop", on);
  }
  function setLasso(on) {
    look.lassoing = on;
    root.dataset.lassoing = String(on);
    timebar.press("lasso", on);
  }
  function lectureChanged(on) {
    motion.rewindCaptions();
    if (on) root.querySelector("canvas")?.focus({ preventScroll: true });
    panels.recolour();
    wake();
    report({}, 0);
  }
  function onCell({ detail }) {
    const place = Math.max(0, film.panels.findIndex((panel) => panel.run === detail.run));
    showInDrawer(); // the cell is one of the predictions as they are seen now
    drawer.selectCell(detail.label, detail.predicted, detail.domain === "source" ? 0 : 1, place);
  }

  /** The drawer follows the film a few times a second; it is cheap while it is closed. */
  function refreshDrawer(now = false) {
    if (drawerTimer && !now) return;
    clearTimeout(drawerTimer);
    drawerTimer = setTimeout(() => {
      drawerTimer = 0;
      showInDrawer();
    }, now ? 0 : DRAWER_MILLISECONDS);
  }
  function showInDrawer() {
    if (!destroyed && palette) drawer.refresh({ film, frames: panels.frames(), selected: look.selected, palette, version: look.version });
  }

  /** Tell the outside where the viewer is, once they have come to rest. */
  function report(change, delay = SETTLE_MILLISECONDS) {
    clearTimeout(settle);
    Object.assign(pending, change);
    settle = setTimeout(() => {
      const resting = !motion.playing && !(message?.live && motion.following);
      onState({
        projection: pending.projection ?? message?.view.projection, colour_by: look.colourBy, step: resting ? motion.goalStep : null,
        point: look.selected.size === 1 ? look.selected.values().next().value : null, lecture: lecture.on,
      });
    }, delay);
  }
  const pending = {};

  function onKey(event) {
    const target = event.composedPath()[0];
    if (event.ctrlKey || event.metaKey || event.altKey || target.tagName === "SELECT") return;
    const onButton = target.tagName === "BUTTON" && !target.classList.contains("play");
    const actions = {
      " ": onButton ? null : motion.toggle, ArrowLeft: () => motion.stepBy(-1), ArrowRight: () => motion.stepBy(1),
      Home: () => motion.jump(0), End: motion.toEnd,
      "+": () => timebar.hasten(1), "=": () => timebar.hasten(1), "-": () => timebar.hasten(-1),
      l: () => lecture.set(!lecture.on), n: () => switchOver("names"), d: () => switchOver("contours"),
      Escape: look.selected.size || lecture.on ? () => (lecture.on ? lecture.set(false) : select([], false)) : null,
    };
    const action = actions[event.key];
    if (!action) return;
    event.preventDefault();
    event.stopPropagation();
    action();
  }

  /** One key for the lecture, wherever in the page the keyboard is, except where one types. */
  function onPageKey(event) {
    const target = event.composedPath()[0];
    const typing = target instanceof Element && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
    if (event.defaultPrevented || typing || event.ctrlKey || event.metaKey || event.altKey || !root.isConnected) return;
    if (event.key === "l" || (event.key === "Escape" && lecture.on)) {
      event.preventDefault();
      lecture.set(event.key === "l" && !lecture.on);
    } else if (lecture.on) onKey(event);
  }

  // ---- messages --------------------------------------------------------------------------------------------------------

  function update(data) {
    const first = message === null;
    // A projection without frames yet leaves the timeline empty for a while: the step is remembered over it.
    if (film.timeline.length) lastStep = motion.step;
    const wasEmpty = film.timeline.length === 0;
    const wasPlaying = motion.playing;
    message = data;
    palette = applyPalette(root, data.palette);
    const outcome = film.apply(data);
    if (outcome.gap) askAgain();
    if (first) {
      look.colourBy = data.view.colour_by;
      if (Number.isInteger(data.view.point)) look.selected = new Set([data.view.point]);
      if (data.loop) setLoop(true);
      look.names = Boolean(film.probe?.described);
    }
    if (film.probe && !canColour(film.probe, look.colourBy)) look.colourBy = "domain";
    if (outcome.newProbe && !first) {
      look.selected = new Set();
      for (const set of Object.values(look.hidden)) set.clear();
    }
    if (pending.projection === data.view.projection) delete pending.projection;
    panels.arrange(data.height, outcome.replaced, reducedMotion.matches || wasEmpty || outcome.newProbe ? 0 : REARRANGE_MILLISECONDS);
    panels.recolour();
    timebar.setProjections(data.projections, pending.projection ?? data.view.projection);
    timebar.refresh();
    root.dataset.projection = data.view.projection;
    legend.badge.hidden = !data.badge;
    setText(legend.badge, data.badge ?? "");
    legend.refresh({ ...look, film, palette, scheme: root.dataset.scheme });
    info.refresh(film, data.view.projection);
    if (first && data.view.lecture) lecture.set(true);
    refreshDrawer();
    motion.arrive(data, lastStep, lastStep === null || outcome.newRuns, wasPlaying);
    wake();
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
      motion.destroy();
      clearTimeout(drawerTimer);
      window.removeEventListener("keydown", onPageKey);
      window.removeEventListener("tl:select-cell", onCell);
      lecture.destroy();
      panels.destroy();
    },
  };
}
