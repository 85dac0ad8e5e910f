// A guided tour: a small card that says what to try next, a ring around where, and a tick once it was done.
// It is a visitor of the page: it changes nothing there, blocks nothing, and looks a few times a second.
import { element, setText } from "../transfer-learning-lab.player/shared.js";

const LOOK = 250; // milliseconds
const RING = 6; // pixels between a part of the page and the ring around it
const PLAIN_KEYS = { ArrowRight: 1, ArrowLeft: -1 };

/** All elements that match, in the page and in the components of it. */
export function* parts(selector, root = document) {
  yield* root.querySelectorAll(selector);
  for (const host of root.querySelectorAll("*")) if (host.shadowRoot) yield* parts(selector, host.shadowRoot);
}
const seen = (node) => node.getClientRects().length > 0;
const first = (selector) => { for (const node of parts(selector)) if (seen(node)) return node; return null; };

/** What stands at "selector@attribute" now, as text; null where there is nothing. */
function contentOf(where) {
  const [selector, attribute] = where.split("@");
  const node = first(selector);
  if (!node) return null;
  return attribute ? node.getAttribute(attribute) : (node.value ?? node.textContent);
}

export function createTour(app, { onOpen }) {
  const count = element("span");
  const close = element("button", { type: "button", class: "tl-tour-close", title: "Close the tour (Esc)", "aria-label": "Close the tour", onclick: () => set(false) }, "✕");
  const title = element("b", { id: "tl-tour-title" });
  const text = element("p");
  const state = element("span", { class: "tl-tour-state", role: "status" });
  const back = element("button", { type: "button", onclick: () => go(-1) }, "Back");
  const next = element("button", { type: "button", class: "tl-tour-next", onclick: () => (at < tour.steps.length - 1 ? go(1) : set(false)) });
  const card = element("section", { class: "tl-tour", role: "dialog", "aria-labelledby": title.id, tabindex: "-1", hidden: true },
    element("div", { class: "tl-tour-head" }, count, close), title, text,
    element("div", { class: "tl-tour-foot" }, state, back, next));
  const ring = element("div", { class: "tl-ring", hidden: true, "aria-hidden": "true" });
  app.append(ring, card);

  let tour = null;
  let open = false;
  let at = 0;
  let done = new Set();
  let before = null; // what stood at a step's place when it began
  let timer = 0;

  const memory = () => `tl-tour ${tour.name}`;
  function remember() {
    try { sessionStorage.setItem(memory(), JSON.stringify({ at, done: [...done] })); } catch { /* a private window */ }
  }
  function recall() {
    try {
      const kept = JSON.parse(sessionStorage.getItem(memory()) ?? "{}");
      at = Math.min(kept.at ?? 0, tour.steps.length - 1);
      done = new Set(kept.done ?? []);
    } catch { at = 0; done = new Set(); }
  }

  function set(wanted) {
    if (!tour || wanted === open) return;
    open = wanted;
    card.hidden = !open;
    clearInterval(timer);
    if (open) {
      if (done.size === tour.steps.length) { at = 0; done = new Set(); } // once more from the beginning
      begin();
      timer = setInterval(look, LOOK);
      card.focus({ preventScroll: true });
    } else ring.hidden = true;
    onOpen(open);
  }

  function go(by) {
    at = Math.min(tour.steps.length - 1, Math.max(0, at + by));
    begin();
  }

  /** Show the step, and bring the part of the page that it is about into view. */
  function begin() {
    const step = tour.steps[at];
    before = step.changes ? contentOf(step.changes) : null;
    remember();
    setText(count, `${tour.title} · ${at + 1} of ${tour.steps.length}`);
    setText(title, step.title);
    text.innerHTML = step.text; // of ours, escaped where it was marked
    back.disabled = at === 0;
    setText(next, at < tour.steps.length - 1 ? "Next" : "Finish");
    const part = first(step.at);
    if (part) {
      const box = part.getBoundingClientRect();
      const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
      const fits = box.height < innerHeight * 0.7;
      const visible = box.top >= 60 && (fits ? box.bottom <= innerHeight - 20 : box.top < innerHeight * 0.4);
      if (!visible) part.scrollIntoView({ block: fits ? "center" : "start", behavior: calm ? "auto" : "smooth" });
    }
    look();
  }

  function fulfil() {
    if (!open || done.has(at)) return;
    done.add(at);
    remember();
    look();
  }

  function look() {
    const step = tour.steps[at];
    if (!done.has(at)) {
      const met = step.holds ? Boolean(first(step.holds))
        : step.changes ? ((now) => now !== null && before !== null && now !== before)(contentOf(step.changes)) : false;
      if (step.changes && before === null) before = contentOf(step.changes);
      if (met) { done.add(at); remember(); }
    }
    const finished = done.has(at);
    card.dataset.done = String(finished);
    card.dataset.step = String(at + 1);
    const part = first(step.at);
    setText(state, finished ? "✓ done" : part ? "your turn" : "not on the page now");
    ring.hidden = !part || Boolean(first(".tl-player[data-lecture=true]"));
    if (part) {
      const box = part.getBoundingClientRect();
      Object.assign(ring.style, {
        left: `${box.left - RING}px`, top: `${box.top - RING}px`, width: `${box.width + 2 * RING}px`, height: `${box.height + 2 * RING}px`,
      });
    }
  }

  const onDeed = (name) => (event) => {
    const where = open && tour.steps[at][name];
    if (!where) return;
    // Known as soon as it is pressed: a chart covers the page until it is let go, and a part may be redrawn by then.
    if (event.composedPath().some((node) => node instanceof Element && node.matches(where))) fulfil();
  };
  const onKey = (event) => {
    const by = PLAIN_KEYS[event.key];
    if (!open || event.defaultPrevented) return;
    const within = card.contains(document.activeElement);
    if (event.key === "Escape" && (within || document.activeElement === document.body)) {
      if (first(".tl-player[data-lecture=true]")) return; // it leaves the lecture first
      event.preventDefault();
      set(false);
    } else if (within && by) {
      event.preventDefault();
      go(by);
    }
  };
  const onScroll = () => { if (open) look(); };
  const [onPress, onPoint] = [onDeed("press"), onDeed("points")];
  const listeners = [
    ["pointerdown", onPress], ["click", onPress], ["input", onPress], ["pointerover", onPoint], ["focusin", onPoint], ["keydown", onKey], ["scroll", onScroll],
  ];
  for (const [name, listener] of listeners) document.addEventListener(name, listener, name !== "keydown");
  addEventListener("resize", onScroll);

  return {
    get open() { return open; },
    set,
    update(given) {
      const other = given?.name !== tour?.name;
      if (other && open) set(false);
      tour = given;
      if (tour && other) recall();
    },
    destroy() {
      clearInterval(timer);
      removeEventListener("resize", onScroll);
      for (const [name, listener] of listeners) document.removeEventListener(name, listener, name !== "keydown");
      card.remove();
      ring.remove();
    },
  };
}
