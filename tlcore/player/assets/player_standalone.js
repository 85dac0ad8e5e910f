// The player in a file of its own: reads the films that lie in the page, unpacks them, and stands in for the server.
// See `tlcore/player/standalone.py`, which writes that page, and `packing.py`, which packs the films.
import { createPlayer } from "./player.js";

const settings = JSON.parse(document.getElementById("settings").textContent);
const trouble = document.getElementById("trouble");
const root = document.getElementById("player");
const dark = window.matchMedia("(prefers-color-scheme: dark)");
const opened = new Map();
let player = null;
let current = null;
let wanted = settings.projection;

function dress() {
  const scheme = settings.theme ?? (dark.matches ? "dark" : "light");
  document.documentElement.dataset.scheme = scheme;
  document.documentElement.style.colorScheme = scheme;
}

function textOf(bytes) {
  let text = "";
  for (let at = 0; at < bytes.length; at += 32768) text += String.fromCharCode.apply(null, bytes.subarray(at, at + 32768));
  return btoa(text);
}

/** Differences from frame to frame back into frames, as the player is sent them. */
function unpack(message, bytes, start) {
  let at = start;
  for (const panel of message.panels) {
    const count = panel.frames.length;
    const { points, predictions } = panel.packed;
    delete panel.packed;
    if (points !== undefined) {
      const place = new Int16Array(points);
      const half = count * points;
      for (let frame = 0; frame < count; frame++) {
        const exact = new Int16Array(points);
        for (let i = 0, low = at + frame * points; i < points; i++, low++) {
          place[i] += bytes[low] | (bytes[low + half] << 8);
          exact[i] = place[i] === settings.missing ? -32768 : Math.max(-32767, Math.min(32767, place[i] * settings.coarseness));
        }
        panel.frames[frame].points = textOf(new Uint8Array(exact.buffer));
      }
      at += 2 * half;
    }
    if (predictions !== undefined) {
      const value = new Uint8Array(predictions);
      for (let frame = 0; frame < count; frame++, at += predictions) {
        for (let i = 0; i < predictions; i++) value[i] += bytes[at + i];
        panel.frames[frame].predictions = textOf(value);
      }
    }
  }
  return message;
}

async function open(projection) {
  if (opened.has(projection)) return opened.get(projection);
  const packed = document.querySelector(`script[data-projection="${CSS.escape(projection)}"]`);
  const raw = atob(packed.textContent.trim());
  const compressed = Uint8Array.from(raw, (letter) => letter.charCodeAt(0));
  const stream = new Blob([compressed]).stream().pipeThrough(new DecompressionStream("gzip"));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  const length = new DataView(bytes.buffer).getUint32(0, true);
  const head = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length)));
  const message = unpack(head, bytes, 4 + length);
  opened.set(projection, message);
  return message;
}

/** What the window leaves for the panels once title, legend and timeline have their room. */
function heightOf(message) {
  const columns = window.innerWidth >= 900 ? message.panels.length : window.innerWidth >= 660 ? Math.min(2, message.panels.length) : 1;
  const width = Math.min(window.innerWidth, 1680) / columns;
  return Math.round(Math.max(220, Math.min(window.innerHeight - 345, (columns < message.panels.length ? 0.66 : 0.9) * width, 820)));
}

function show(again) {
  if (!current) return;
  dress();
  const message = { ...current, height: heightOf(current) };
  if (again) {
    message.panels = message.panels.map((panel) => ({
      ...panel, frames: [], first: panel.total, surfaces: [], first_surface: panel.total_surfaces,
    }));
  }
  player.update(message);
}

async function change(projection) {
  wanted = projection;
  const message = await open(projection);
  if (wanted !== projection || current === message) return;
  // The features are the same whatever picture is made of them: their neighbours lie in the first film alone.
  const first = await open(settings.projection);
  message.panels.forEach((panel, index) => { panel.neighbours ??= first.panels[index].neighbours; });
  current = message;
  show(false);
}

function fail(error) {
  trouble.textContent = typeof DecompressionStream === "undefined"
    ? "This film needs a newer browser, of the year 2023 or later." : `The film in this file cannot be read: ${error.message}`;
}

dress();
(async () => {
  const first = await open(settings.projection);
  player = createPlayer(root, {
    onState: (state) => { if (state.projection && state.projection !== wanted) change(state.projection).catch(fail); },
  });
  current = first;
  show(false);
  trouble.textContent = "";
  root.dataset.ready = "yes";
  dark.addEventListener("change", () => show(true));
  let resizing = 0;
  window.addEventListener("resize", () => { clearTimeout(resizing); resizing = setTimeout(() => show(true), 120); });
  // The page is nothing but the player: its keys work without a click into it first.
  window.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || (event.target !== document.body && event.target !== document.documentElement)) return;
    const { key, code, ctrlKey, metaKey, altKey, shiftKey } = event;
    const same = new KeyboardEvent("keydown", { key, code, ctrlKey, metaKey, altKey, shiftKey, cancelable: true });
    if (!root.dispatchEvent(same)) event.preventDefault();
  });
})().catch(fail);
