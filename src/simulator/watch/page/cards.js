// Draws Adaptive Cards 1.3 as Webex shows them. An element that Webex does not show is replaced by its fallback, or by a
// small note.

import { el } from "/assets/dom.js";
import { collect, drawInput, isInput } from "/assets/inputs.js";
import { fromCardText, link, safeLink } from "/assets/rich.js";

const ELEMENTS = {
  TextBlock: textBlock,
  RichTextBlock: richTextBlock,
  Image: image,
  ImageSet: (set, card) =>
    el(
      "div.image-set",
      {},
      (set.images ?? []).map((one) => image({ size: set.imageSize, ...one }, card)),
    ),
  FactSet: (set) =>
    el(
      "dl.facts",
      {},
      (set.facts ?? []).flatMap(({ title, value }) => [el("dt", {}, title), el("dd", {}, fromCardText(String(value)))]),
    ),
  Container: (container, card) => selectable(container, card, el("div.container", {}, draw(container.items, card))),
  ColumnSet: (set, card) =>
    selectable(
      set,
      card,
      el(
        "div.columns",
        {},
        (set.columns ?? []).map((one) => column(one, card)),
      ),
    ),
  ActionSet: (set, card) => actionBar(set.actions, card),
};

/** Draws a card. `submit` posts the inputs it is given. The card then stays as it is, as in Webex. */
export function drawCard(content, submit) {
  const box = el("div.card");
  const card = { box, submit, inputs: [], said: el("p.quiet.said-so", { role: "status", hidden: true }) };
  body(box, content, card);
  box.append(card.said);
  return box;
}

/** Draws what a card and the card of an Action.ShowCard have in common. */
function body(box, content, card) {
  const { minHeight, backgroundImage } = content;
  if (minHeight) box.style.minHeight = minHeight;
  const picture = imageUrl(backgroundImage?.url ?? backgroundImage);
  if (picture) box.style.backgroundImage = `url("${encodeURI(decodeURI(picture))}")`;
  box.append(...draw(content.body, card), ...[actionBar(content.actions, card)].filter(Boolean));
}

function draw(elements, card) {
  return (elements ?? []).flatMap((element) => drawn(element, card));
}

function drawn(element, card) {
  const known = isInput(element.type) ? drawInput(element, card.inputs) : ELEMENTS[element.type]?.(element, card);
  if (!known) return fallback(element, card);
  if (element.id) known.dataset.id = element.id;
  if (element.isVisible === false) known.hidden = true;
  for (const name of ["spacing", "style", "horizontalAlignment", "verticalContentAlignment", "height"]) {
    if (typeof element[name] === "string") known.dataset[name] = element[name].toLowerCase();
  }
  if (element.separator) known.classList.add("separated");
  return [known];
}

function fallback(element, card) {
  if (element.fallback === "drop") return [];
  if (element.fallback?.type) return drawn(element.fallback, card);
  return [el("p.quiet", {}, `not shown by Webex: ${element.type ?? "an element without a type"}`)];
}

function textBlock(block) {
  const text = el(
    "div.text",
    { role: block.style === "heading" ? "heading" : null },
    fromCardText(String(block.text ?? "")),
  );
  looks(text, block);
  if (block.wrap) text.classList.add("wrap");
  if (block.maxLines > 0) text.style.setProperty("--lines", block.maxLines);
  if (block.maxLines > 0) text.classList.add("clamped");
  return text;
}

function looks(element, { size, weight, color, isSubtle, fontType, italic, strikethrough, underline, highlight }) {
  Object.entries({ size, weight, color, fontType }).forEach(([name, value]) => {
    if (typeof value === "string") element.dataset[name] = value.toLowerCase();
  });
  Object.entries({ isSubtle, italic, strikethrough, underline, highlight }).forEach(([name, is]) => {
    if (is) element.classList.add(name.toLowerCase());
  });
}

function richTextBlock(block, card) {
  const runs = (block.inlines ?? []).map((run) => {
    if (typeof run === "string") return run;
    const span = el("span", {}, String(run.text ?? ""));
    looks(span, run);
    return selectable(run, card, span);
  });
  return el("div.text.wrap", {}, runs);
}

const imageUrl = (url) => (/^(https?:|data:image\/(png|jpeg|gif|webp|svg\+xml))/i.test(url ?? "") ? url : null);

function image(picture, card) {
  const src = imageUrl(picture.url);
  const shown = src
    ? el("img", { src, alt: picture.altText ?? "", loading: "lazy" })
    : el("span.quiet", {}, picture.altText ?? "a picture");
  const pixels = (size) => (/^\d+px$/.test(size ?? "") ? size : null);
  if (pixels(picture.width)) shown.style.width = picture.width;
  if (pixels(picture.height)) shown.style.height = picture.height;
  const box = el("div.picture", { dataset: { size: String(picture.size ?? "auto").toLowerCase() } }, shown);
  return selectable(picture, card, box);
}

function column(content, card) {
  const box = el("div.column", {}, draw(content.items, card));
  const width = content.width ?? "stretch";
  if (width === "auto") box.classList.add("auto");
  else if (/^\d+px$/.test(width)) box.style.flex = `0 0 ${width}`;
  else if (Number(width) > 0) box.style.flexGrow = Number(width);
  for (const name of ["spacing", "style", "verticalContentAlignment"]) {
    if (typeof content[name] === "string") box.dataset[name] = content[name].toLowerCase();
  }
  if (content.separator) box.classList.add("separated");
  if (content.id) box.dataset.id = content.id;
  if (content.isVisible === false) box.hidden = true;
  return selectable(content, card, box);
}

/** Makes an element with a `selectAction` a button. */
function selectable({ selectAction }, card, element) {
  if (!selectAction || selectAction.type === "Action.ShowCard" || !ACTIONS[selectAction.type]) return element;
  const run = (event) => {
    if (event.target.closest("input, select, textarea, a, button")) return;
    ACTIONS[selectAction.type](selectAction, card);
  };
  element.classList.add("selectable");
  element.tabIndex = 0;
  element.setAttribute("role", selectAction.type === "Action.OpenUrl" ? "link" : "button");
  if (selectAction.title) element.setAttribute("aria-label", selectAction.title);
  element.addEventListener("click", run);
  element.addEventListener("keydown", (event) => event.key === "Enter" && run(event));
  return element;
}

const ACTIONS = {
  "Action.Submit": submit,
  "Action.OpenUrl": ({ url }) => safeLink(url) && link(safeLink(url)).click(),
  "Action.ToggleVisibility": ({ targetElements = [] }, card) => {
    for (const target of targetElements) {
      const { elementId = target, isVisible } = target;
      const element = card.box.querySelector(`[data-id="${CSS.escape(elementId)}"]`);
      if (element) element.hidden = isVisible === undefined ? !element.hidden : !isVisible;
    }
  },
};

async function submit(action, card) {
  // Inputs in a hidden part of the card are not submitted.
  const inputs = card.inputs.filter(({ element }) => !element.closest(".folded[hidden]"));
  const values = collect(inputs);
  if (!values) return;
  const data = typeof action.data === "string" ? { data: action.data } : (action.data ?? {});
  try {
    await card.submit({ ...data, ...values });
    tell(card, "Sent.");
  } catch (error) {
    tell(card, error.message);
  }
}

function tell(card, text) {
  card.said.textContent = text;
  card.said.hidden = false;
  card.said.scrollIntoView({ block: "nearest" });
}

function actionBar(actions, card) {
  if (!actions?.length) return null;
  const bar = el("div.actions");
  const folded = [];
  for (const action of actions) {
    if (action.type === "Action.ShowCard") bar.append(showCard(action, card, folded));
    else if (ACTIONS[action.type]) bar.append(button(action, () => ACTIONS[action.type](action, card)));
    else if (action.fallback !== "drop") bar.append(el("span.quiet", {}, `not shown by Webex: ${action.type}`));
  }
  return el("div", {}, bar, folded);
}

function button({ title, style, id }, onclick) {
  return el(
    "button",
    { type: "button", dataset: { action: id ?? title ?? "", style: style ?? "default" }, onclick },
    title ?? "…",
  );
}

/** Unfolds a card below the buttons, and folds the one that was open. */
function showCard(action, card, folded) {
  const box = el("div.folded", { hidden: true });
  body(box, action.card ?? {}, card);
  folded.push(box);
  const toggle = button(action, () => {
    for (const other of folded) if (other !== box) other.hidden = true;
    box.hidden = !box.hidden;
    for (const other of toggle.parentElement.querySelectorAll("[aria-expanded]"))
      other.setAttribute("aria-expanded", "false");
    toggle.setAttribute("aria-expanded", String(!box.hidden));
  });
  toggle.setAttribute("aria-expanded", "false");
  return toggle;
}
