// What all components of the lab share: theme, numbers, and life inside Streamlit.

/** Streamlit sets `color-scheme` on the app and it is inherited, also into a shadow root. */
export function schemeOf(element) {
  return getComputedStyle(element).colorScheme.includes("dark") ? "dark" : "light";
}

/** Put the colours of the current theme on the root as `--tl-…` variables, and return them. */
export function applyPalette(root, palettes) {
  const scheme = schemeOf(root);
  const palette = palettes[scheme];
  if (root.dataset.scheme !== scheme) {
    for (const [name, value] of Object.entries(palette)) {
      if (typeof value === "string") root.style.setProperty(`--tl-${name.replaceAll("_", "-")}`, value);
    }
    root.dataset.scheme = scheme;
  }
  return palette;
}

export function element(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name === "class") node.className = value;
    else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

/** Set text only when it differs, so that a running view touches nothing that stands still. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function formatCount(value) {
  return Math.round(value).toLocaleString("en-US");
}

/** Hide a root until its style sheet has come, so that nothing is ever seen unstyled. */
export function whenStyled(parent, root) {
  const link = parent.querySelector('link[rel="stylesheet"]');
  if (!link || link.sheet) return;
  root.style.visibility = "hidden";
  const show = () => { root.style.visibility = ""; };
  link.addEventListener("load", show, { once: true });
  link.addEventListener("error", show, { once: true });
}

const instances = new WeakMap();

/**
 * One instance for each place in the page. Streamlit calls a component's function at every change of data or theme.
 * It may also run the clean-up of a call that a newer one has overtaken while the component is still in the page;
 * so the clean-up waits a moment and looks whether the place is really gone.
 */
export function instanceFor(parent, create) {
  let entry = instances.get(parent);
  if (!entry) {
    entry = { instance: create() };
    instances.set(parent, entry);
  }
  const host = parent instanceof ShadowRoot ? parent.host : parent;
  const cleanUp = () => setTimeout(() => {
    if (!host.isConnected && instances.get(parent) === entry) {
      instances.delete(parent);
      entry.instance.destroy();
    }
  }, 1000);
  return [entry.instance, cleanUp];
}
