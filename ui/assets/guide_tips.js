// Explanations of marked terms: shown to whoever points at one, has reached it by keyboard, or taps it.
import { element } from "../transfer-learning-lab.player/shared.js";

const REST = 130; // milliseconds a pointer stays before anything opens
const LEAVE = 220; // and in which it may cross over to the explanation
const GAP = 8;

/** A formula: what follows an underscore stands lower. */
const written = (formula) => formula.split(/_([\p{L}\p{N}]+)/u).map((part, place) => (place % 2 ? element("sub", {}, part) : part));

export function createTips(app) {
  const tip = element("div", { class: "tl-tip", id: "tl-tip", role: "tooltip", hidden: true });
  app.append(tip);
  let terms = {};
  let page = "";
  let shown = null; // the marked word whose explanation stands there
  let timer = 0;

  const wordOf = (event) => event.composedPath().find((node) => node instanceof Element && node.matches(".tl-term[data-term]")) ?? null;
  const later = (action, wait) => { clearTimeout(timer); timer = setTimeout(action, wait); };

  function show(word) {
    const term = terms[word.dataset.term];
    if (!term) return;
    clearTimeout(timer);
    if (shown === word) return;
    hide();
    shown = word;
    const parts = [element("b", {}, term.name), element("p", {}, term.sentence)];
    if (term.formula) {
      const meanings = Object.entries(term.symbols).flatMap(([symbol, meaning]) => [element("dt", {}, ...written(symbol)), element("dd", {}, meaning)]);
      parts.push(element("p", { class: "tl-formula" }, ...written(term.formula)), element("dl", {}, ...meanings));
    }
    const address = new URL(`${page}?term=${encodeURIComponent(word.dataset.term)}`, document.baseURI);
    parts.push(element("small", {}, ...(term.source ? [term.source, " · "] : []),
      element("a", { href: address.href, target: "_blank", rel: "noreferrer" }, "in the glossary")));
    tip.replaceChildren(...parts);
    tip.hidden = false;
    word.setAttribute("aria-describedby", tip.id);
    word.setAttribute("aria-expanded", "true");
    place();
  }

  function place() {
    const box = shown.getBoundingClientRect();
    const { offsetWidth: width, offsetHeight: height } = tip;
    const below = box.bottom + GAP + height <= innerHeight || box.top < height + GAP;
    const left = Math.max(GAP, Math.min(box.left, innerWidth - width - GAP));
    tip.style.left = `${left}px`;
    tip.style.top = `${Math.max(GAP, Math.min(below ? box.bottom + GAP : box.top - height - GAP, innerHeight - height - GAP))}px`;
  }

  function hide() {
    clearTimeout(timer);
    if (!shown) return;
    shown.removeAttribute("aria-describedby");
    shown.removeAttribute("aria-expanded");
    shown = null;
    tip.hidden = true;
  }

  const onOver = (event) => {
    if (event.pointerType === "touch") return;
    if (tip.contains(event.target)) { clearTimeout(timer); return; }
    const word = wordOf(event);
    if (word) later(() => show(word), REST);
    else if (shown && shown !== document.activeElement && !tip.contains(document.activeElement)) later(hide, LEAVE);
    else if (!shown) clearTimeout(timer);
  };
  const onClick = (event) => {
    const word = wordOf(event);
    if (word) show(word);
    else if (!tip.contains(event.target)) hide();
  };
  const onFocus = (event) => { const word = wordOf(event); if (word?.matches(":focus-visible")) show(word); };
  const onBlur = (event) => { if (shown && event.target === shown && !tip.contains(event.relatedTarget)) hide(); };
  const onKey = (event) => {
    const word = wordOf(event);
    if (event.key === "Escape" && shown) {
      const back = shown;
      const within = tip.contains(document.activeElement);
      hide();
      if (within) back.focus();
      event.stopPropagation(); // what Escape means to others, such as the tour, it means next time
    } else if (word && (event.key === "Enter" || event.key === " ")) {
      event.preventDefault();
      show(word);
      tip.querySelector("a")?.focus();
    }
  };
  const onMove = () => { if (shown?.isConnected) place(); else hide(); };

  const listeners = [["pointerover", onOver], ["click", onClick], ["focusin", onFocus], ["focusout", onBlur], ["keydown", onKey], ["scroll", onMove]];
  for (const [name, listener] of listeners) document.addEventListener(name, listener, true);
  // A page that is drawn again may take the word away.
  const watch = setInterval(() => { if (shown && !shown.isConnected) hide(); }, 500);

  return {
    update(known, glossary) { terms = known; page = glossary; },
    destroy() {
      clearInterval(watch);
      hide();
      for (const [name, listener] of listeners) document.removeEventListener(name, listener, true);
      tip.remove();
    },
  };
}
