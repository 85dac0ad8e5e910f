// The four quadrants with a small film of each method. Films play twice and rest on their last frame; they play again
// while the pointer is on them or the keyboard has reached them.
import { applyPalette, element, instanceFor, whenStyled } from "../transfer-learning-lab.player/shared.js";

const SECONDS = 5; // for one film
const REST = 1.6; // at its end, before it plays again
const TIMES = 2;
const RADIUS = 2.1;
const PADDING = 10;

const bytesOf = (text) => Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0));
const smooth = (share) => share * share * (3 - 2 * share);

function createFilm(film, canvas) {
  const places = bytesOf(film.places), colours = bytesOf(film.colours);
  const context = canvas.getContext("2d");
  let shown = -1;

  /** position: from 0 for the first frame to `frames - 1` for the last. */
  function draw(position, palette) {
    const ratio = Math.min(window.devicePixelRatio || 1, 2);
    const width = Math.round(canvas.clientWidth * ratio), height = Math.round(canvas.clientHeight * ratio);
    if (!width || !height) return;
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    context.clearRect(0, 0, width, height);
    context.globalAlpha = 0.75;
    const side = Math.min(width * 0.8, height) - 2 * PADDING * ratio;
    const across = Math.min(1.6, (width - 2 * PADDING * ratio) / side); // wide tiles let the cloud fill them
    const frame = Math.min(Math.floor(position), film.frames - 1), next = Math.min(frame + 1, film.frames - 1);
    const share = smooth(position - frame), stride = 2 * film.count;
    const at = (point, axis) => {
      const from = places[frame * stride + 2 * point + axis], to = places[next * stride + 2 * point + axis];
      return (from + (to - from) * share) / 255 - 0.5;
    };
    const kinds = film.colour_by === "domain" ? [palette.source, palette.target] : palette.classes;
    for (let kind = 0; kind < kinds.length; kind++) {
      context.fillStyle = kinds[kind];
      context.beginPath();
      for (let point = 0; point < film.count; point++) {
        if (colours[point] % kinds.length !== kind) continue;
        const x = width / 2 + at(point, 0) * side * across, y = height / 2 - at(point, 1) * side;
        context.moveTo(x + RADIUS * ratio, y);
        context.arc(x, y, RADIUS * ratio, 0, 2 * Math.PI);
      }
      context.fill();
    }
    shown = position;
    canvas.dataset.position = position.toFixed(2);
  }
  return { draw, last: film.frames - 1, again: (palette) => draw(shown < 0 ? film.frames - 1 : shown, palette) };
}

function createMap(root, link) {
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  let players = [], palette = null, request = 0, drawn = "";

  function tick(now) {
    request = 0;
    let moving = false;
    for (const player of players) {
      if (!player.playing || !player.visible) continue;
      player.start ??= now;
      const round = SECONDS + REST, passed = (now - player.start) / 1000;
      const over = passed >= TIMES * round - REST && !player.held;
      const share = over ? 1 : Math.min(1, (passed % round) / SECONDS);
      player.film.draw(share * player.film.last, palette);
      player.playing = !over;
      moving ||= player.playing;
    }
    if (moving) wake();
  }
  function wake() { if (!request && !document.hidden) request = requestAnimationFrame(tick); }
  function play(player) {
    if (calm.matches) return;
    if (!player.playing) Object.assign(player, { playing: true, start: null });
    wake();
  }

  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      const player = players.find((one) => one.canvas === entry.target);
      if (player) player.visible = entry.isIntersecting;
    }
    wake();
  });
  const sized = new ResizeObserver(() => players.forEach((player) => player.film.again(palette)));

  function tile(method) {
    const canvas = element("canvas", { "aria-hidden": "true" });
    const words = element("span", { class: "tile-words" }, element("b", {}, method.title), element("span", {}, method.sentence));
    const anchor = element("a", {
      class: "tile", href: method.address, target: "_self", "data-preset": method.id,
      title: method.film ? `${method.film.arm}, recorded: the features of held-out pictures while it trains` : null,
      onclick: (event) => {
        if (event.metaKey || event.ctrlKey || event.shiftKey || event.button) return;
        event.preventDefault(); // within the lab nothing is loaded anew
        anchor.classList.add("opening"); // on a busy machine the page takes a moment: the click was heard
        link.setTriggerValue("open", method.id);
      },
    }, canvas, words);
    if (method.film) {
      const player = { canvas, film: createFilm(method.film, canvas), visible: true, held: false, playing: false };
      const hold = (held) => () => { player.held = held; if (held) play(player); };
      for (const [name, held] of [["pointerenter", true], ["focus", true], ["pointerleave", false], ["blur", false]]) {
        anchor.addEventListener(name, hold(held));
      }
      players.push(player);
    } else {
      canvas.hidden = true;
      canvas.style.display = "none";
    }
    return anchor;
  }

  function corner(data) {
    return element("section", { class: "corner", "data-quadrant": data.quadrant },
      element("h2", {}, data.title), element("p", {}, data.sentence),
      element("div", { class: "tiles" }, ...data.methods.map(tile)));
  }

  function build(corners) {
    seen.disconnect();
    sized.disconnect();
    players = [];
    const [both, source, target, none] = corners.map(corner);
    root.replaceChildren(element("div", { class: "grid" },
      element("span"), element("span", { class: "axis" }, "target labelled"), element("span", { class: "axis" }, "target not labelled"),
      element("span", { class: "axis row" }, "source labelled"), both, source,
      element("span", { class: "axis row" }, "source not labelled"), target, none));
    for (const player of players) {
      seen.observe(player.canvas);
      sized.observe(player.canvas);
      player.film.draw(calm.matches ? player.film.last : 0, palette);
      play(player);
    }
  }

  const onShow = () => wake();
  document.addEventListener("visibilitychange", onShow);
  return {
    update(data) {
      palette = applyPalette(root, data.palette);
      const wanted = JSON.stringify(data.corners);
      if (wanted !== drawn) build(data.corners);
      else players.forEach((player) => player.film.again(palette));
      drawn = wanted;
    },
    destroy() {
      cancelAnimationFrame(request);
      seen.disconnect();
      sized.disconnect();
      document.removeEventListener("visibilitychange", onShow);
    },
  };
}

export default function ({ data, parentElement, setTriggerValue }) {
  const [component, cleanUp] = instanceFor(parentElement, () => {
    const root = element("div", { class: "tl-map" });
    whenStyled(parentElement, root);
    parentElement.append(root);
    const link = {};
    const map = createMap(root, link);
    return { link, map, destroy: map.destroy };
  });
  component.link.setTriggerValue = setTriggerValue;
  component.map.update(data);
  return cleanUp;
}
