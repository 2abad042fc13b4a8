// Makes and arranges elements. Text always stays text: nothing here parses markup.

/** An element: `el("button.small", { type: "button", onclick }, "Send")`. Null and false are left out. */
export function el(tag, properties = {}, ...children) {
  const [name, ...classes] = tag.split(".");
  const element = document.createElement(name);
  if (classes.length) element.className = classes.join(" ");
  for (const [key, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key === "dataset") Object.assign(element.dataset, value);
    else if (key in element && key !== "list" && key !== "form") element[key] = value;
    else element.setAttribute(key, value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export const $ = (id) => document.getElementById(id);

/** Makes these the children. Those that are children already stay in place, with their focus and what was typed. */
export function arrange(parent, wanted) {
  const keep = new Set(wanted);
  for (const child of [...parent.children]) if (!keep.has(child)) child.remove();
  wanted.forEach((child, place) => {
    if (parent.children[place] !== child) parent.insertBefore(child, parent.children[place] ?? null);
  });
}

/** Calls `work` once in the next frame, however often this is called before. */
export function soon(work) {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      work();
    });
  };
}

export const clock = (time) => new Date(time).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
export const clockExact = (time) => new Date(time).toISOString().slice(11, 23);
export const day = (time) =>
  new Date(time).toLocaleDateString([], { weekday: "long", day: "numeric", month: "long", year: "numeric" });

export function bytes(count) {
  if (count < 1024) return `${count} bytes`;
  return count < 1024 * 1024 ? `${(count / 1024).toFixed(1)} KB` : `${(count / 1024 / 1024).toFixed(1)} MB`;
}

/** Tells a sentence to everybody who uses a screen reader. */
export function announce(text) {
  $("announce").textContent = text;
}

/**
 * Shows a dialog. `fields` are `{ name, label, ...input properties }`. `submit` gets their values; an error that it throws is
 * shown. Without fields the dialog only shows a text.
 */
export function ask(title, { fields = [], body = [], action = "OK", submit = async () => {} }) {
  const dialog = $("dialog");
  const problem = el("p.problem", { role: "alert", hidden: true });
  const inputs = fields.map(({ name, label, ...properties }) => {
    const input = el(properties.type === "textarea" ? "textarea" : "input", {
      name,
      autocomplete: "off",
      ...properties,
    });
    return el("label.field", {}, el("span", {}, label), input);
  });
  const form = el(
    "form",
    {
      method: "dialog",
      onsubmit: async (event) => {
        event.preventDefault();
        try {
          await submit(Object.fromEntries(new FormData(form)));
          dialog.close();
        } catch (error) {
          problem.textContent = error.message;
          problem.hidden = false;
        }
      },
    },
    el("h2", { id: "dialog-title" }, title),
    body,
    inputs,
    problem,
    el(
      "div.row",
      {},
      el("button.primary", { type: "submit" }, action),
      fields.length > 0 && el("button", { type: "button", onclick: () => dialog.close() }, "Cancel"),
    ),
  );
  dialog.setAttribute("aria-labelledby", "dialog-title");
  dialog.replaceChildren(form);
  dialog.showModal();
}
