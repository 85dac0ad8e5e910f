// Motion through a film: where on the timeline we are, where we are going, and how fast. No drawing here.

const FRAME_MILLISECONDS = 500;
const STEP_MILLISECONDS = 260;
const LOOP_PAUSE = 1200;
const CAPTION_PAUSE = 2600; // in a lecture the film waits at each caption, so that it can be read

/** Slow at each frame, quicker between: the eye gets a moment to read every frame, yet nothing halts. */
function eased(fraction) {
  return 0.45 * fraction + 0.55 * fraction * fraction * (3 - 2 * fraction);
}

/**
 * settings(): {loop, live, lecture, captions} as they are now. wake(): something is to be drawn. report(): the viewer
 * has gone somewhere. reduced: the media query of people who want less motion.
 */
export function createMotion({ film, settings, wake, report, reduced }) {
  // position: a real number of frames. motion: the goal, and of what kind the way there is: play, step or follow.
  const play = { position: 0, motion: null, speed: 1, following: true, holdUntil: 0, read: -1 };
  let loopTimer = 0;

  const last = () => Math.max(0, film.timeline.length - 1);
  const stepAt = (position) => film.timeline[Math.round(position)] ?? 0;

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
    if (play.motion) play.position = Math.min(last(), play.motion.goal);
    if (play.position >= last() - 1e-6) play.position = 0;
    play.following = false;
    startPlaying();
  }
  function pause() {
    const direction = Math.ceil(play.position - 1e-6);
    moveTo(direction, "step", 1 / STEP_MILLISECONDS);
    play.following = direction >= last();
    report();
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
    report();
  }
  function seek(position) {
    clearTimeout(loopTimer);
    play.motion = null;
    play.position = Math.min(last(), Math.max(0, position));
    play.following = play.position >= last() - 1e-3;
    wake();
  }
  function snap() { jump(Math.round(play.position)); }
  function goLive() { follow(); report(); }

  function advance(elapsed, now) {
    const motion = play.motion;
    if (!motion) return false;
    if (motion.kind === "play" && settings().lecture && holds(now)) return true;
    if (motion.kind === "play" || motion.kind === "follow") motion.goal = last();
    const rest = motion.goal - play.position;
    const reach = motion.rate * elapsed;
    if (reduced.matches && motion.kind !== "play") play.position = motion.goal;
    else play.position += Math.sign(rest) * Math.min(Math.abs(rest), reach);
    if (Math.abs(motion.goal - play.position) > 1e-6) return true;
    play.position = motion.goal;
    play.motion = null;
    if (motion.kind === "play") {
      play.following = true;
      if (settings().loop && !settings().live && !reduced.matches) {
        loopTimer = setTimeout(() => { play.position = 0; startPlaying(); }, LOOP_PAUSE);
      }
    }
    return false;
  }

  /** In a lecture the film waits where a caption begins. */
  function holds(now) {
    if (now < play.holdUntil) return true;
    const at = film.timeline[Math.floor(play.position + 1e-6)] ?? 0;
    const reached = settings().captions.findLastIndex((caption) => caption.step <= at);
    if (reached > play.read) { play.read = reached; play.holdUntil = now + CAPTION_PAUSE / Math.max(1, play.speed); return true; }
    return false;
  }

  function momentNow() {
    let position = Math.min(play.position, last());
    if (reduced.matches) position = Math.floor(position + 1e-6);
    const index = Math.floor(position);
    const a = film.timeline[index] ?? 0;
    return { a, b: film.timeline[index + 1] ?? a, fraction: eased(position - index) };
  }

  /** Where to be after a message: stay at the step one was looking at; follow a live film; begin a new one. */
  function arrive(data, stepBefore, fresh, wasMoving) {
    if (!film.timeline.length) return;
    const nearest = (step) => film.timeline.reduce(
      (best, value, index) => (Math.abs(value - step) < Math.abs(film.timeline[best] - step) ? index : best), 0);
    if (fresh) {
      play.motion = null;
      clearTimeout(loopTimer);
      if (data.live) { play.position = last(); play.following = true; return; }
      if (Number.isFinite(data.view.step) && !data.autoplay) { play.position = nearest(data.view.step); play.following = false; return; }
      const starts = data.autoplay && !reduced.matches && last() > 0;
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

  return {
    toggle, stepBy, jump, seek, snap, goLive, advance, momentNow, arrive,
    get position() { return play.position; },
    get following() { return play.following; },
    get playing() { return play.motion?.kind === "play"; },
    get step() { return stepAt(play.position); },
    /** The step the viewer is going to, or is at. */
    get goalStep() { return stepAt(play.motion && play.motion.kind !== "play" ? play.motion.goal : play.position); },
    toEnd() { jump(last()); },
    setSpeed(speed) {
      play.speed = speed;
      if (play.motion?.kind === "play") startPlaying();
    },
    /** A lecture begins or ends: every caption is to be read anew. */
    rewindCaptions() { play.read = -1; play.holdUntil = 0; },
    destroy() { clearTimeout(loopTimer); },
  };
}
